/**
 * Downloads of a file that had lost its name for a moment: somebody moved it away and another of its size there, and
 * both back, between the two lists around the download. Dates go along with a move, so that both lists show the file
 * that was expected, and no answer tells of which file its bytes are. docs/promises.md names this.
 */
import type { SimServer } from './server.ts';
import { keyOf } from './truth.ts';

export interface Swapped {
  /** To be told of a move by a person on the server after it was done, by the paths there. */
  moved(from: string, to: string): void;
  /** Whether the machine got the one content in place of the other by such a download, by the path there. */
  isFooled(machine: string, path: string, got: string | undefined, stands: string | undefined): boolean;
}

interface Read {
  readonly machine: string;
  readonly path: string;
  readonly got: string;
  readonly at: number;
  /** When this client's list of the folder before it was made. */
  readonly listedAt: number;
}

interface Away {
  readonly content: string;
  readonly date: number;
  readonly from: number;
}

/** `nameOf` tells whose process a client is. */
export function watchForSwaps(
  server: Pick<SimServer, 'agent' | 'onList' | 'onRead'>,
  nameOf: (client: number) => string | undefined,
): Swapped {
  let moment = 0;
  /** By client and folder, the moment of its last list. */
  const lists = new Map<string, number>();
  /** By client and folder, what was read since. */
  const reads = new Map<string, Read[]>();
  /** By path, what was moved away from there; and by path, when what had been moved away was back. */
  const away = new Map<string, Away[]>();
  const spans = new Map<string, (Away & { readonly to: number })[]>();
  const fooled = new Set<string>();
  const standsAt = (path: string) => server.agent.list().find((entry) => entry.path === path);

  server.onRead(({ client, path }) => {
    const machine = nameOf(client);
    const key = keyIn(client, folderAround(path));
    const [bytes, listedAt] = [server.agent.read(path), lists.get(key)];
    if (machine === undefined || bytes === undefined || listedAt === undefined) return;
    moment += 1;
    const read = { machine, path, got: keyOf(bytes), at: moment, listedAt };
    reads.set(key, [...(reads.get(key) ?? []), read]);
  });
  server.onList(({ client, folder }) => {
    moment += 1;
    const key = keyIn(client, folder);
    for (const { machine, path, got, at, listedAt } of reads.get(key) ?? [])
      for (const { content, date, from, to } of spans.get(path) ?? []) {
        if (listedAt > from || from > at || at > to || content.length !== got.length) continue;
        const now = standsAt(path);
        if (now?.bytes === undefined || now.date !== date || keyOf(now.bytes) !== content) continue;
        fooled.add(JSON.stringify([machine, path.normalize('NFC'), got, content]));
      }
    reads.delete(key);
    lists.set(key, moment);
  });
  return {
    moved(from, to) {
      const entry = standsAt(to);
      if (entry?.bytes === undefined) return;
      moment += 1;
      const [content, { date }] = [keyOf(entry.bytes), entry];
      const back = away.get(to)?.findLast((one) => one.content === content && one.date === date);
      if (back !== undefined) spans.set(to, [...(spans.get(to) ?? []), { ...back, to: moment }]);
      away.set(from, [...(away.get(from) ?? []), { content, date, from: moment }]);
    },
    isFooled: (machine, path, got, stands) =>
      fooled.has(JSON.stringify([machine, path.normalize('NFC'), got, stands])),
  };
}

function keyIn(client: number, folder: string): string {
  return `${client}:${folder}`;
}

function folderAround(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
