/** What may be gone after a power cut, and what may not: many cuts by many seeds, and the outcomes that were seen. */
import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../src/local/disk.ts';
import { createChance } from '../../../src/simulation/chance.ts';
import { createSimDisk, type SimDisk } from '../../../src/simulation/disk.ts';
import type { Hands } from '../../../src/simulation/hands.ts';

const ROOT = '/home/a';
const CUTS = 400;
const text = (content: string): Buffer => Buffer.from(content);
const atOnce: Hands = { later: async (_kind, _what, deed) => deed(), point: () => undefined, now: () => 0 };

interface Scene {
  readonly sim: SimDisk;
  readonly disk: Disk;
  put(path: string, content: string, options?: { readonly synced: boolean }): void;
  sync(path: string): void;
}

function scene(): Scene {
  const sim = createSimDisk({ root: ROOT, now: () => 0 });
  const disk = sim.forProcess(atOnce);
  return {
    sim,
    disk,
    put: (path, content, { synced } = { synced: false }) => {
      const fd = disk.openSync(`${ROOT}/${path}`, 'w');
      disk.writeSync(fd, text(content));
      if (synced) disk.fsyncSync(fd);
      disk.closeSync(fd);
    },
    sync: (path) => {
      const fd = disk.openSync(path === '' ? ROOT : `${ROOT}/${path}`, 'r');
      disk.fsyncSync(fd);
      disk.closeSync(fd);
    },
  };
}

/** Everything that is left, as one line. */
function left({ sim }: Scene): string {
  const shown = sim.person
    .list({ own: true })
    .map((entry) => (entry.kind === 'file' ? `${entry.path}=${entry.bytes.toString()}` : `${entry.path}/`));
  return shown.sort().join(' ').replaceAll('\0', '0');
}

/** All outcomes of a power cut after the story, sorted. */
function outcomes(story: (scene: Scene) => void): readonly string[] {
  const seen = new Set<string>();
  for (let seed = 0; seed < CUTS; seed += 1) {
    const played = scene();
    story(played);
    played.sim.powerLoss(createChance(seed));
    seen.add(left(played));
  }
  return [...seen].sort();
}

describe('after a power cut', () => {
  it('a file is whole when it and its folder were synced, and only then', () => {
    const synced = { synced: true };
    expect(
      outcomes(({ put, sync }) => {
        put('a', 'abc', synced);
        sync('');
      }),
    ).toEqual(['a=abc']);
    expect(outcomes(({ put }) => put('a', 'abc', synced))).toEqual(['', 'a=abc']);
    expect(
      outcomes(({ put, sync }) => {
        put('a', 'abc');
        sync('');
      }),
    ).toEqual(['a=', 'a=a', 'a=ab', 'a=abc']);
  });

  it('a synced file that was written again has its old content, the new one, a part of it, or zeros', () => {
    const seen = outcomes(({ put, sync }) => {
      put('a', 'old', { synced: true });
      sync('');
      put('a', 'newer');
    });
    expect(seen).toEqual(['a=', 'a=00000', 'a=n', 'a=ne', 'a=new', 'a=newe', 'a=newer', 'a=old']);
  });

  it('a rename within one folder happened or not', () => {
    const seen = outcomes(({ sim, disk }) => {
      sim.person.write('a', text('a'));
      sim.person.write('b', text('b'));
      disk.renameSync(`${ROOT}/a`, `${ROOT}/b`);
    });
    expect(seen).toEqual(['a=a b=b', 'b=a']);
  });

  it('of several renames within one folder the first ones happened', () => {
    const seen = outcomes(({ sim, disk }) => {
      sim.person.write('a', text('a'));
      disk.renameSync(`${ROOT}/a`, `${ROOT}/b`);
      disk.renameSync(`${ROOT}/b`, `${ROOT}/c`);
    });
    expect(seen).toEqual(['a=a', 'b=a', 'c=a']);
  });

  it('a rename into another folder may show both names or neither', () => {
    const rename = ({ sim, disk }: Scene): void => {
      sim.person.mkdir('d');
      sim.person.write('f', text('f'));
      disk.renameSync(`${ROOT}/f`, `${ROOT}/d/f`);
    };
    expect(outcomes(rename)).toEqual(['d/', 'd/ d/f=f', 'd/ d/f=f f=f', 'd/ f=f']);
    const targetFirst = (scene: Scene): void => {
      rename(scene);
      scene.sync('d');
    };
    expect(outcomes(targetFirst)).toEqual(['d/ d/f=f', 'd/ d/f=f f=f']);
    const sourceFirst = (scene: Scene): void => {
      rename(scene);
      scene.sync('');
    };
    expect(outcomes(sourceFirst)).toEqual(['d/', 'd/ d/f=f']);
  });

  it('a folder that moved has one name at most', () => {
    const seen = outcomes(({ sim, disk }) => {
      sim.person.mkdir('a/x');
      sim.person.mkdir('b');
      sim.person.write('a/x/f', text('f'));
      disk.renameSync(`${ROOT}/a/x`, `${ROOT}/b/x`);
    });
    expect(seen).toEqual(['a/ a/x/ a/x/f=f b/', 'a/ b/', 'a/ b/ b/x/ b/x/f=f']);
  });

  it('two folders that moved into each other leave no loop', () => {
    for (const line of outcomes(({ sim, disk }) => {
      sim.person.mkdir('a');
      sim.person.mkdir('b');
      disk.renameSync(`${ROOT}/a`, `${ROOT}/b/a`);
      disk.renameSync(`${ROOT}/b/a`, `${ROOT}/a`);
      disk.renameSync(`${ROOT}/b`, `${ROOT}/a/b`);
    })) {
      expect(line.length).toBeLessThan(20);
    }
  });

  it('a new folder is gone with all that is in it, unless it was synced in its parent, and its entries in itself', () => {
    const story = (...synced: readonly string[]) =>
      outcomes(({ disk, put, sync }) => {
        disk.mkdirSync(`${ROOT}/d`);
        put('d/f', 'f', { synced: true });
        for (const folder of synced) sync(folder);
      });
    expect(story()).toEqual(['', 'd/', 'd/ d/f=f']);
    expect(story('d')).toEqual(['', 'd/ d/f=f']);
    expect(story('')).toEqual(['d/', 'd/ d/f=f']);
    expect(story('d', '')).toEqual(['d/ d/f=f']);
  });

  it('a removal may not have happened, even if the inode number has another owner by now', () => {
    let met = 0;
    for (let seed = 0; seed < CUTS; seed += 1) {
      const { sim, disk, put } = scene();
      sim.person.write('a', text('a'));
      disk.unlinkSync(`${ROOT}/a`);
      put('b', 'b', { synced: true });
      sim.powerLoss(createChance(seed));
      const after = sim.forProcess(atOnce);
      const [a, b] = ['a', 'b'].map((name) => after.lstatSync(`${ROOT}/${name}`));
      if (a === undefined || b === undefined) continue;
      met += 1;
      expect(sim.person.read('a')?.toString()).toBe('a');
      expect(a.ino).not.toBe(b.ino);
    }
    expect(met).toBeGreaterThan(CUTS / 10);
  });

  it('what a person did is there, also in a folder or under a name that the process had not synced', () => {
    const seen = outcomes(({ sim, disk, put }) => {
      disk.mkdirSync(`${ROOT}/d`);
      put('d/mine', 'mine', { synced: true });
      sim.person.write('d/theirs', text('theirs'));
      put('e', 'half');
      sim.person.write('e', text('edited'));
      put('g', 'g', { synced: true });
      disk.renameSync(`${ROOT}/g`, `${ROOT}/h`);
      sim.person.rename('h', 'i');
      put('j', 'j', { synced: true });
      sim.person.remove('j');
      disk.mkdirSync(`${ROOT}/k`);
      sim.person.mkdir('k/l');
    });
    expect(seen).toEqual([
      'd/ d/mine=mine d/theirs=theirs e=edited i=g k/ k/l/',
      'd/ d/theirs=theirs e=edited i=g k/ k/l/',
    ]);
  });

  it('the next cut takes nothing more, and the free space is counted anew', async () => {
    for (let seed = 0; seed < CUTS; seed += 1) {
      const played = scene();
      played.put('a', 'a'.repeat(5000));
      played.disk.mkdirSync(`${ROOT}/d`);
      played.disk.renameSync(`${ROOT}/a`, `${ROOT}/d/a`);
      played.sim.powerLoss(createChance(seed));
      const once = left(played);
      played.sim.powerLoss(createChance(seed + 1));
      expect(left(played)).toBe(once);
      // A file with two names shows the same bytes twice.
      const contents = new Set(Array.from(played.sim.holds(), (file) => file.bytes));
      const bytes = [...contents].reduce((sum, content) => sum + content.length, 0);
      const { bavail, bsize } = await played.sim.forProcess(atOnce).statfs(ROOT);
      expect(bavail).toBe(Math.floor((2 ** 40 - bytes) / bsize));
    }
  });

  it('descriptors from before are dead, those of persons too', () => {
    const { sim, disk } = scene();
    const slow = sim.person.startWrite('a', text('first'));
    const fd = disk.openSync(`${ROOT}/a`, 'r');
    sim.powerLoss(createChance(1));
    slow.finish(text(' second'));
    expect(sim.person.read('a')?.toString()).toBe('first');
    expect(() => disk.fsyncSync(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  it('the same seed gives the same', () => {
    const play = (seed: number): string => {
      const played = scene();
      for (let index = 0; index < 20; index += 1) played.put(`f${index}`, `content ${index}`);
      played.sim.powerLoss(createChance(seed));
      return left(played);
    };
    expect(play(7)).toBe(play(7));
    expect(play(7)).not.toBe(play(8));
  });
});

describe('the cost of a disk', () => {
  it('is small: ten thousand disks, and a thousand calls on each of a hundred', async () => {
    const begun = process.cpuUsage();
    for (let count = 0; count < 10_000; count += 1) createSimDisk({ root: ROOT, now: () => 0 });
    for (let count = 0; count < 100; count += 1) {
      const { disk, put } = scene();
      for (let index = 0; index < 100; index += 1) {
        put(`f${index % 20}`, 'content');
        disk.renameSync(`${ROOT}/f${index % 20}`, `${ROOT}/g`);
        for (let look = 0; look < 6; look += 1) disk.lstatSync(`${ROOT}/g`);
      }
    }
    const { user } = process.cpuUsage(begun);
    // About a tenth of it on a usual machine.
    expect(user / 1e6).toBeLessThan(3);
  });
});
