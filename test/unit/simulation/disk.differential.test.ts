/** The same random calls on the real disk and on the simulated one: same answers, same errors, same trees. */
import * as fs from 'node:fs';
import { constants } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Disk, type DiskFile, type DiskStats, systemDisk } from '../../../src/local/disk.ts';
import { createSimDisk, type SimDisk } from '../../../src/simulation/disk.ts';
import type { Hands } from '../../../src/simulation/hands.ts';

const SEQUENCES = 300;
const CALLS = 60;
/** Any other seed must do as well. */
const SEED = Number(process.env.SEED ?? 20261122);
const RUNS = Number(process.env.RUNS ?? SEQUENCES);

const atOnce: Hands = { later: async (_kind, _what, deed) => deed(), point: () => undefined, now: () => 0 };

/** One call as plain data. Numbers choose among what the call can choose from. */
interface Op {
  readonly call: number;
  readonly from: string;
  readonly to: string;
  readonly pick: number;
  readonly size: number;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_NONBLOCK, O_APPEND } = constants;
const FLAGS: readonly (number | string)[] = [
  O_RDONLY,
  O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
  O_RDWR | O_CREAT,
  O_WRONLY | O_TRUNC,
  O_WRONLY | O_CREAT | O_TRUNC,
  O_WRONLY | O_APPEND | O_CREAT,
  O_RDWR | O_NOFOLLOW,
  O_WRONLY | O_CREAT | O_NOFOLLOW,
  O_RDONLY | O_TRUNC,
  O_RDONLY | O_CREAT,
  'r',
  'w',
  'wx',
  'a',
];

/** Few names, so that they meet. */
const names = fc.constantFrom('a', 'b', 'c');
const paths = fc.oneof(
  { arbitrary: names, weight: 4 },
  { arbitrary: fc.tuple(names, names).map((parts) => parts.join('/')), weight: 6 },
  { arbitrary: fc.tuple(names, names, names).map((parts) => parts.join('/')), weight: 1 },
);
const odd = fc.constantFrom('', './a', 'a/../b', 'a/./c', 'a/ä/c', 'a//b');
const ops: fc.Arbitrary<Op> = fc.record({
  call: fc.noBias(fc.nat({ max: 1_000_000 })),
  from: fc.oneof({ arbitrary: paths, weight: 30 }, { arbitrary: odd, weight: 1 }),
  to: fc.oneof({ arbitrary: paths, weight: 30 }, { arbitrary: odd, weight: 1 }),
  pick: fc.noBias(fc.nat({ max: 1_000_000 })),
  size: fc.nat({ max: 40 }),
});

interface Person {
  write(file: string, bytes: Buffer): void;
  symlink(file: string, target: string): void;
  chmod(file: string, mode: number): void;
}

/** One of the two disks while it is used. */
interface Bench {
  readonly root: string;
  readonly disk: Disk;
  readonly person: Person;
  readonly numbers: number[];
  readonly files: DiskFile[];
}

function plain(stats: DiskStats | undefined): unknown {
  if (stats === undefined) return undefined;
  const { mode, nlink, size } = stats;
  const kind = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'folder'
      : stats.isSymbolicLink()
        ? 'link'
        : '?';
  // Sizes and link counts of folders are the business of the file system at hand.
  return kind === 'folder' ? { kind, mode } : { kind, mode, nlink, size };
}

/** A content that is never met twice. */
function bytesOf({ pick, size }: Op): Buffer {
  return Buffer.from(`${pick}:`.repeat(size)).subarray(0, size);
}

type Call = (bench: Bench, op: Op) => unknown;

function numberOf({ numbers }: Bench, { pick }: Op): number {
  return numbers.length === 0 ? 9999 : (numbers[pick % numbers.length] ?? 9999);
}

function fileOf({ files }: Bench, { pick }: Op): DiskFile | undefined {
  return files[pick % files.length];
}

const at = ({ root }: Bench, relative: string): string => (relative === '' ? root : `${root}/${relative}`);
/** The root itself stays. */
const below = (bench: Bench, { from }: Op): string => at(bench, from === '' ? 'a' : from);
const flagsOf = ({ pick }: Op) => FLAGS[pick % FLAGS.length] ?? 'r';

const CALLS_BY_NAME: Readonly<Record<string, Call>> = {
  lstatSync: (b, op) => plain(b.disk.lstatSync(at(b, op.pick % 50 === 0 ? 'x'.repeat(256) : op.from))),
  readdirSync: (b, op) =>
    b.disk
      .readdirSync(at(b, op.from))
      .map((entry) => [entry.name, entry.isFile(), entry.isDirectory(), entry.isSymbolicLink()].join())
      .sort(),
  readdirBytesSync: (b, op) =>
    b.disk
      .readdirBytesSync(at(b, op.from))
      .map((name) => name.toString('hex'))
      .sort(),
  realpathSync: (b, op) => path.relative(b.root, b.disk.realpathSync(at(b, op.from))),
  openSync: (b, op) => {
    b.numbers.push(b.disk.openSync(at(b, op.from), flagsOf(op), op.size % 2 === 0 ? undefined : 0o777));
  },
  fstatSync: (b, op) => plain(b.disk.fstatSync(numberOf(b, op))),
  readSync: (b, op) => {
    const buffer = Buffer.alloc(50);
    const count = b.disk.readSync(numberOf(b, op), buffer, 3, op.size, op.pick % 30);
    return [count, buffer.toString()];
  },
  writeSync: (b, op) => b.disk.writeSync(numberOf(b, op), bytesOf(op)),
  closeSync: (b, op) => {
    const fd = numberOf(b, op);
    b.disk.closeSync(fd);
    b.numbers.splice(b.numbers.indexOf(fd), 1);
  },
  mkdirSync: (b, op) => b.disk.mkdirSync(at(b, op.from), op.pick % 2 === 0 ? {} : { mode: 0o700 }),
  mkdirRecursively: (b, op) => b.disk.mkdirSync(at(b, op.from), { recursive: true, mode: 0o750 }),
  rmdirSync: (b, op) => b.disk.rmdirSync(below(b, op)),
  renameSync: (b, op) => b.disk.renameSync(at(b, op.from), at(b, op.to)),
  unlinkSync: (b, op) => b.disk.unlinkSync(at(b, op.from)),
  removeTreeSync: (b, op) => b.disk.removeTreeSync(below(b, op)),
  open: async (b, op) => {
    b.files.push(await b.disk.open(at(b, op.from), flagsOf(op), op.size % 2 === 0 ? undefined : 0o600));
  },
  stat: async (b, op) => plain(await fileOf(b, op)?.stat()),
  read: async (b, op) => {
    const answer = await fileOf(b, op)?.read(Buffer.alloc(50), 2, op.size, op.pick % 30);
    return [answer?.bytesRead, answer?.buffer.toString()];
  },
  write: async (b, op) => {
    const [bytes, offset] = [bytesOf(op), op.size >> 1];
    const answer = await fileOf(b, op)?.write(bytes, offset, op.size - offset, op.pick % 30);
    return answer?.bytesWritten;
  },
  truncate: (b, op) => fileOf(b, op)?.truncate(op.size),
  chmod: (b, op) => fileOf(b, op)?.chmod(0o600 + (op.pick % 64)),
  utimes: (b, op) => fileOf(b, op)?.utimes(op.pick, op.size),
  close: async (b, op) => {
    const file = fileOf(b, op);
    await file?.close();
    return file === undefined ? undefined : Math.sign(file.fd);
  },
  link: (b, op) => b.disk.link(at(b, op.from), at(b, op.to)),
  rename: (b, op) => b.disk.rename(at(b, op.from), at(b, op.to)),
  unlink: (b, op) => b.disk.unlink(at(b, op.from)),
  copyFile: (b, op) => b.disk.copyFile(at(b, op.from), at(b, op.to)),
  removeTree: (b, op) => b.disk.removeTree(below(b, op)),
  statfs: async (b, op) => (await b.disk.statfs(at(b, op.from))).bavail >= 0,
  personWrites: (b, op) => b.person.write(at(b, op.from), bytesOf(op)),
  personLinks: (b, op) =>
    b.person.symlink(at(b, op.from), op.pick % 3 === 0 ? `${b.root}/${op.to || 'a'}` : op.to),
  personChanges: (b, op) => {
    if (b.disk.lstatSync(at(b, op.from))?.isFile()) b.person.chmod(at(b, op.from), 0o640);
  },
};

/** Calls that make things come more often, so that there is something to call upon. */
const WEIGHTS: Readonly<Record<string, number>> = {
  mkdirSync: 5,
  mkdirRecursively: 5,
  personWrites: 8,
  personLinks: 2,
  renameSync: 6,
  rename: 4,
  link: 8,
  copyFile: 4,
  open: 5,
  openSync: 4,
  write: 4,
  readSync: 3,
  read: 2,
  rmdirSync: 2,
  lstatSync: 2,
};
const NAMES = Object.keys(CALLS_BY_NAME).flatMap((name) => Array<string>(WEIGHTS[name] ?? 1).fill(name));

async function answer(bench: Bench, op: Op): Promise<unknown> {
  const call = CALLS_BY_NAME[NAMES[op.call % NAMES.length] ?? ''];
  try {
    return await call?.(bench, op);
  } catch (error) {
    // The synchronous `rm` of Node has errors without a code.
    if (error instanceof Error && call === CALLS_BY_NAME.removeTreeSync) return 'refused';
    if (error instanceof Error && 'code' in error) return `refused: ${error.code}`;
    throw error;
  }
}

/** Every path with what it is; inodes by the first path that shows them. */
function treeOf({ disk, root }: Bench): readonly unknown[] {
  const found: unknown[] = [];
  const inodes = new Map<number, string>();
  const walk = (folder: string): void => {
    const names = disk.readdirSync(folder).map(({ name }) => name);
    for (const name of names.sort()) {
      const full = `${folder}/${name}`;
      const stats = disk.lstatSync(full);
      if (stats === undefined) continue;
      const where = full.slice(root.length);
      const inode = inodes.get(stats.ino) ?? where;
      inodes.set(stats.ino, inode);
      found.push({
        where,
        inode,
        ...Object(plain(stats)),
        content: stats.isFile() ? contentOf(disk, full) : '',
      });
      if (stats.isDirectory()) walk(full);
    }
  };
  walk(root);
  return found;
}

function contentOf(disk: Disk, file: string): string {
  const fd = disk.openSync(file, 'r');
  const buffer = Buffer.allocUnsafe(8192);
  const count = disk.readSync(fd, buffer, 0, buffer.length, 0);
  disk.closeSync(fd);
  return buffer.toString('utf8', 0, count);
}

/** How often each call did something on the real disk: stories in which all is refused would prove nothing. */
const done = new Map<string, number>();

function countIfDone(op: Op, given: unknown): void {
  if (typeof given === 'string' && given.startsWith('refused')) return;
  const name = NAMES[op.call % NAMES.length] ?? '';
  done.set(name, (done.get(name) ?? 0) + 1);
}

/** What both begin with. */
async function furnish({ root, disk, person }: Bench): Promise<void> {
  for (const folder of ['a/b', 'a/c', 'c/a']) disk.mkdirSync(`${root}/${folder}`, { recursive: true });
  for (const file of ['a/a', 'a/b/a', 'b', 'c/b']) person.write(`${root}/${file}`, Buffer.from(file));
  await disk.link(`${root}/b`, `${root}/c/c`);
  // Absolute, since a relative one could lead out of the root after a move.
  person.symlink(`${root}/a/b/c`, `${root}/c`);
}

/** Most calls are about something that is there, and lead into a folder that is: else nearly all would be refused. */
function aimed(op: Op, sim: SimDisk): Op {
  const name = NAMES[op.call % NAMES.length] ?? '';
  const there = sim.person.list();
  const folders = there.filter(({ kind }) => kind === 'folder');
  const target = there[(op.pick >> 4) % there.length];
  const folder = folders[(op.pick >> 8) % folders.length];
  const inside = folder === undefined ? op.to : `${folder.path}/${op.to.split('/').at(-1) || 'a'}`;
  const makes = name.startsWith('mkdir') || name === 'personLinks';
  if (makes) return op.pick % 8 < 4 ? op : { ...op, from: inside };
  const from = name.startsWith('removeTree') ? op.from : (target?.path ?? op.from);
  return { ...op, from: op.pick % 8 < 3 ? op.from : from, to: op.pick % 16 < 5 ? op.to : inside };
}

async function playBoth(story: readonly Op[]): Promise<void> {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'sim-disk-')));
  fs.chmodSync(root, 0o755);
  const sim = createSimDisk({ root, now: () => 0 });
  const person: Person = {
    write: (file, bytes) => fs.writeFileSync(file, bytes),
    symlink: (file, target) => fs.symlinkSync(target, file),
    chmod: (file, mode) => fs.chmodSync(file, mode),
  };
  const real: Bench = { root, disk: systemDisk, person, numbers: [], files: [] };
  const played: Bench = { root, disk: sim.forProcess(atOnce), person: sim.person, numbers: [], files: [] };
  const told: string[] = [];
  try {
    for (const bench of [real, played]) await furnish(bench);
    for (const [index, plan] of story.entries()) {
      const op = aimed(plan, sim);
      told.push(`${NAMES[op.call % NAMES.length]} ${op.from} ${op.to} pick ${op.pick} size ${op.size}`);
      const expected = await answer(real, op);
      countIfDone(op, expected);
      const given = await answer(played, op);
      if (!isDeepStrictEqual(given, expected)) expect(given, told.slice(-12).join('\n')).toEqual(expected);
      const look = index % 15 === 14 || index === story.length - 1;
      if (look) expect(treeOf(played), told.slice(-20).join('\n')).toEqual(treeOf(real));
    }
  } finally {
    for (const fd of real.numbers) fs.closeSync(fd);
    for (const file of real.files) await file.close();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

describe('the simulated disk', () => {
  it(`answers ${SEQUENCES} random stories of ${CALLS} calls as the real disk does`, async () => {
    // The simulated disk has the usual one built in.
    const umask = process.umask(0o022);
    onTestFinished(() => void process.umask(umask));
    const stories = fc.array(ops, { minLength: CALLS, maxLength: CALLS, size: 'max' });
    await fc.assert(fc.asyncProperty(stories, playBoth), {
      seed: SEED,
      numRuns: RUNS,
      endOnFailure: true,
    });
    for (const name of Object.keys(CALLS_BY_NAME))
      expect(done.get(name) ?? 0, name).toBeGreaterThan(RUNS / 10);
  });
});
