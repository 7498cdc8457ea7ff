/** What a client knows from lists: when each folder was last seen, by the server's clock. */

export interface Listings {
  /** A point in the order of answers, to ask about later. */
  mark(): number;
  /** The answer of a list that was made at this server time has arrived. */
  heard(folder: string, at: number): void;
  /** Server time of the youngest list of the folder whose answer had arrived at the mark. */
  last(folder: string, mark: number): number | undefined;
}

export function createListings(): Listings {
  const byFolder = new Map<string, { readonly at: number; readonly order: number }[]>();
  let order = 0;
  return {
    mark: () => order,
    heard(folder, at) {
      order += 1;
      const known = byFolder.get(folder);
      if (known === undefined) byFolder.set(folder, [{ at, order }]);
      else known.push({ at, order });
    },
    last(folder, mark) {
      let last: number | undefined;
      for (const heard of byFolder.get(folder) ?? []) {
        if (heard.order <= mark && (last === undefined || heard.at > last)) last = heard.at;
      }
      return last;
    },
  };
}
