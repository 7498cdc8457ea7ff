/** The Nextcloud client's command line against the WebDAV face of the benchmark. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, JOBS } from '../contestant.ts';
import { type Ran, run } from '../measure.ts';
import { applyChanges, firstDifference, makeTree, type TreeSize, touched, undoChanges } from '../trees.ts';
import { endFork, forkHere, startWire, type Wire } from '../wire.ts';

interface Face {
  readonly port: number;
  readonly wire: Wire;
  stop(): Promise<void>;
}

export async function createNextcloud(home: string, size: TreeSize, latencyMs: number): Promise<Contestant> {
  const [tree, served] = [join(home, 'tree'), join(home, 'served')];
  for (const folder of [home, tree]) mkdirSync(folder, { recursive: true });
  makeTree(tree, size);
  // The client reads its settings and keeps its log below HOME.
  const env = { HOME: home, XDG_CONFIG_HOME: join(home, 'xdg'), QT_QPA_PLATFORM: 'offscreen' };
  let face: Face | undefined;

  const changedThere = async ({ port }: Face): Promise<void> => {
    applyChanges(served, size, 'there');
    const body = JSON.stringify(touched(size, 'there'));
    await fetch(`http://127.0.0.1:${port}/-/changed`, { method: 'POST', body });
  };

  const sync = async (origin: string): Promise<Ran> => {
    const args = ['--non-interactive', '-s', '-u', 'bench', '-p', 'bench', tree, origin];
    const ran = await run('nextcloudcmd', args, { env });
    if (ran.code !== 0) throw new Error(`nextcloudcmd ended with ${ran.code}: ${ran.stderr}`);
    return ran;
  };

  return {
    name: 'nextcloud',
    jobs: JOBS,
    begin: async () => {
      await face?.stop();
      undoChanges(tree, size);
      for (const name of readdirSync(tree)) {
        if (name.startsWith('.')) rmSync(join(tree, name), { recursive: true, force: true });
      }
      rmSync(served, { recursive: true, force: true });
      mkdirSync(served);
      face = await openFace(served, latencyMs);
    },
    tree: () => tree,
    measure: async (job) => {
      if (face === undefined) throw new Error('nextcloud has not begun');
      if (job === '1 % + 1 %') {
        applyChanges(tree, size, 'here');
        await changedThere(face);
      }
      // After a push it looks at every folder once more, to learn their etags.
      if (job === 'nothing changed') await sync(face.wire.origin);
      await face.wire.reset();
      const ran = await sync(face.wire.origin);
      const different = firstDifference(tree, served);
      if (different !== undefined) throw new Error(`nextcloud left ${different} unequal after "${job}"`);
      const { seconds, cpu, peakMb } = ran;
      return { seconds, cpu, peakMb, requests: await face.wire.requests() };
    },
    end: async () => {
      await face?.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function openFace(served: string, latencyMs: number): Promise<Face> {
  const { child, line } = await forkHere('webdav.ts', [served]);
  const port = Number(line.replace('port ', ''));
  const wire = await startWire(port, latencyMs);
  return {
    ...{ port, wire },
    stop: async () => {
      await wire.stop();
      await endFork(child);
    },
  };
}
