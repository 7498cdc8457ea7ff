import { describe, expect, it } from 'vitest';
import { lookBack, type Taken } from '../../../src/simulation/at-rest.ts';
import type { SimServer, SimServerList } from '../../../src/simulation/server.ts';

const TRASH = '.rtsync/trash/day/x';

/** A file at `d/a` was taken at 100 with its folder, and the trash was listed at 120. */
function afterwards(list: Partial<SimServerList>, stands: readonly string[], heard: number[] = []): boolean {
  const unseen = { client: 1, trash: TRASH, at: 100, named: 'd', nameTaken: false };
  const taken: Taken = { path: 'd/a', unseen };
  const server = { agent: { list: () => stands.map((path) => ({ path })) } } as unknown as SimServer;
  const heardOf = (folder: string): number | undefined => (folder === TRASH ? 120 : heard.at(-1));
  lookBack(server, [taken], { client: 1, folder: '', heardOf, ...list });
  return unseen.nameTaken;
}

describe('a name that is taken when what was moved away could go back', () => {
  it('is that of what was moved', () => {
    expect(afterwards({}, ['d'], [90])).toBe(true);
    expect(afterwards({}, ['a', 'e', 'd.txt'], [90])).toBe(false);
  });

  it.each([
    ['another client looks', { client: 2 }],
    ['another folder is listed', { folder: 'd' }],
    ['the trash was not looked into yet', { heardOf: () => 90 }],
  ])('is not told when %s', (_, list) => {
    expect(afterwards(list, ['d'])).toBe(false);
  });

  it('is not told by a later look: by then it ought to have been given back', () => {
    expect(afterwards({}, ['d'], [130])).toBe(false);
  });
});
