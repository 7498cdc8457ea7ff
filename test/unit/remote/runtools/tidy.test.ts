import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownedName, tidy } from '../../../../src/remote/runtools/tidy.ts';
import { startTestServer } from '../../../support/server.ts';
import { bench, handClock } from '../support.ts';

test('what a killed run left is cleared away, what belongs to another stays', async () => {
  const clock = handClock(Date.UTC(2026, 0, 5));
  const server = await startTestServer({ clock });
  const far = bench(server, clock);
  try {
    expect(await tidy(far.client, 'mine')).toEqual({ found: 0, clear: true });
    const own = join(server.folder, '.rtsync');
    for (const path of [
      `staging/${ownedName('mine', 'a')}`,
      'staging/theirs-b',
      'probe-mine-c',
      'trash/mine-d',
    ]) {
      await mkdir(join(own, path), { recursive: true });
      await writeFile(join(own, path, 'file.txt'), 'text');
    }
    expect(await tidy(far.client, 'mine')).toEqual({ found: 2, clear: true });
    const left = (await readdir(own, { recursive: true })).filter((path) => path.endsWith('file.txt')).sort();
    expect(left).toEqual(['staging/theirs-b/file.txt', 'trash/mine-d/file.txt']);
  } finally {
    await far.close();
    await server.close();
  }
});
