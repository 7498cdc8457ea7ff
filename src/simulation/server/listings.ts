/** What a client knows from lists: when each folder was last seen, by the server's clock. */

export interface Listings {
  /** A point in the order of answers, to ask about later. */
  mark(): number;
  /** The answer of a list that was made at this server time has arrived. */
  heard(folder: string, at: number): void;
  /** The client was told that what it sent at this server time made this folder, which may have been there before. */
  made(folder: string, at: number): void;
  /** When it sent that, by the server's clock. */
  madeAt(folder: string): number | undefined;
  /** Server time of the youngest list of the folder whose answer had arrived at the mark. */
  last(folder: string, mark: number): number | undefined;
}

export function createListings(): Listings {
  const byFolder = new Map<string, { readonly at: number; readonly order: number }[]>();
  const made = new Map<string, number>();
  let order = 0;
  return {
    mark: () => order,
    heard(folder, at) {
      order += 1;
      const known = byFolder.get(folder);
      if (known === undefined) byFolder.set(folder, [{ at, order }]);
      else known.push({ at, order });
    },
    made: (folder, at) => {
      made.set(folder, at);
    },
    madeAt: (folder) => made.get(folder),
    last(folder, mark) {
      let last: number | undefined;
      for (const heard of byFolder.get(folder) ?? []) {
        if (heard.order <= mark && (last === undefined || heard.at > last)) last = heard.at;
      }
      return last;
    },
  };
}
