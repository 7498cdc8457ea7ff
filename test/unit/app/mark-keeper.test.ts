import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMarkKeeper } from '../../../src/app/mark-keeper.ts';
import { openPairState } from '../../../src/state/pair-state.ts';
import { withServer } from '../../support/server.ts';
import { bench, carefulTraits, handClock } from '../remote/support.ts';

it('the mark in the workspace names the machine as it was told to be called', () => {
  const clock = handClock();
  return withServer({ clock }, async (server) => {
    const far = bench(server, clock);
    const identity = { folder: '/here', storage: server.origin, workspaceId: 'w', remotePath: '' };
    const state = openPairState({ file: ':memory:', identity, clock });
    try {
      await mkdir(join(server.folder, '.rtsync'));
      const keeper = createMarkKeeper({
        ...{ state, clock, client: () => far.client, signs: () => carefulTraits },
        ...{ path: '', host: 'desk', title: () => 'project', folder: '/docs', writes: true },
      });
      await keeper.begin(new AbortController().signal);
      const file = join(server.folder, '.rtsync', 'pairs', `${state.pairId}.json`);
      expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ host: 'desk', pairId: state.pairId });
    } finally {
      state.close();
      await far.close();
    }
  });
});
