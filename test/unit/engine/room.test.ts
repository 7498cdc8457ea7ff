/** What waits for room in a full storage, and what goes; seconds of virtual time are plain numbers here. */
import { describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import type { Operation, Plan } from '../../../src/core/plan.ts';
import { createRoom, type Growth, WAITS_FOR_ROOM } from '../../../src/engine/room.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const MB = 1_000_000;
/** Uploads that are on their way before the first refusal is known. */
const IN_FLIGHT = 8;

function planOf(sizes: Readonly<Record<string, number>>, ...others: Partial<Operation>[]): Plan {
  const uploads = Object.entries(sizes).map(([path, size]) => ({
    ...{ kind: 'upload', place: { path: relPath(path) }, local: { size }, after: [], stage: 'fill' },
  }));
  const operations = [...uploads, ...others].map((one, id) => ({ ...one, id }));
  return { operations, baseChanges: [], problems: [] } as unknown as Plan;
}

function pathsIn({ operations }: Plan): string[] {
  return operations.map((one) => ('place' in one ? one.place.path : one.to.path));
}

interface Answers {
  /** What `info` tells; undefined: nothing. */
  free: number | undefined;
  /** Whether the server takes an upload. */
  takes: (path: string) => boolean;
}

/** A service over a server that answers so: cycles when the room wants one, and counts. */
function service(answers: Answers, sizes: Readonly<Record<string, number>>) {
  const room = createRoom();
  const waiting = { ...sizes };
  const asked: number[] = [];
  const sent: { at: number; path: string; taken: boolean }[] = [];
  const news: { at: number; files: number; bytes: number }[] = [];
  let now = 0;
  let gateIsFull = false;
  const cycle = (): void => {
    if (room.begins(gateIsFull, now)) {
      asked.push(now / SECOND);
      gateIsFull = answers.free === 0;
      room.told(answers.free, now);
    }
    const isShut = gateIsFull;
    for (const [i, operation] of (room.fit(planOf(waiting), now).operations as Growth[]).entries()) {
      if (gateIsFull && (isShut || i >= IN_FLIGHT)) {
        room.refused(operation, false, now);
        continue;
      }
      const { path } = operation.place;
      const taken = answers.takes(path);
      sent.push({ at: now / SECOND, path, taken });
      if (taken) {
        delete waiting[path];
        room.stored(operation, true);
      } else {
        gateIsFull = true;
        room.refused(operation, true, now);
      }
    }
    const told = room.ended(gateIsFull, now);
    if (told !== undefined) news.push({ at: now / SECOND, files: told.files, bytes: told.bytes });
  };
  return {
    ...{ asked, sent, news, waiting, cycle },
    /** Runs for so long from now on. */
    pass: (ms: number): void => {
      const until = now + ms;
      for (let wake = room.wakeAt; wake !== undefined && wake <= until; wake = room.wakeAt) {
        now = Math.max(now, wake);
        cycle();
      }
      now = until;
    },
    refused: () => sent.filter(({ taken }) => !taken).length,
  };
}

describe('a full storage', () => {
  it('is asked at a modest rate for hours, and nothing is sent that cannot fit', () => {
    const answers: Answers = { free: 10, takes: () => false };
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 20 + i]));
    const one = service(answers, files);
    one.cycle();
    one.pass(3 * HOUR);
    // The very first, by which it was found out.
    expect(one.sent).toHaveLength(IN_FLIGHT);
    const gaps = one.asked.slice(1).map((at, i) => at - (one.asked[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60);
  });

  it('lets all go within a minute after space was freed, however long it was full', () => {
    const answers: Answers = { free: 0, takes: () => false };
    const one = service(answers, { a: 30, b: 20, c: 10 });
    one.cycle();
    one.pass(5 * HOUR);
    Object.assign(answers, { free: 60, takes: () => true });
    const before = one.refused();
    one.pass(60 * SECOND);
    expect(one.waiting).toEqual({});
    expect(one.refused()).toBe(before);
  });

  it('lets go what fits, the smallest first, and no more than fits together', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(45, 0);
    const plan = planOf({ a: 30, b: 20, c: 10, d: 16, e: 50 });
    const fitted = room.fit(plan, 0);
    expect(pathsIn(fitted)).toEqual(['c', 'd']);
    expect(fitted.problems.map(({ path }) => path)).toEqual(['b', 'a', 'e']);
    expect(new Set(fitted.problems.map(({ message }) => message))).toEqual(new Set([WAITS_FOR_ROOM]));
  });

  it('counts what was sent since it was asked', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(45, 0);
    const [first] = room.fit(planOf({ c: 30 }), 0).operations;
    room.stored(first as Growth, true);
    expect(pathsIn(room.fit(planOf({ x: 16, y: 15 }), 1))).toEqual(['y']);
  });

  it('holds up folders as well, and nothing that does not grow it', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(0, 0);
    const others = [
      { kind: 'makeFolderRemote', place: { path: 'folder' }, after: [] },
      { kind: 'removeRemote', place: { path: 'gone' }, after: [] },
      { kind: 'download', place: { path: 'there' }, after: [] },
      { kind: 'moveRemote', from: { path: 'x' }, to: { path: 'y' }, after: [] },
    ] as unknown as Partial<Operation>[];
    expect(pathsIn(room.fit(planOf({ empty: 0 }, ...others), 0))).toEqual(['gone', 'there', 'y']);
  });

  it('is asked at once after something was deleted there', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(5, 0);
    room.fit(planOf({ a: 10 }), 0);
    room.freed(1);
    room.ended(false, 1);
    expect(room.wakeAt).toBe(1);
    expect(room.begins(false, 1)).toBe(true);
  });

  it('goes by what was told before when a question had no answer', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(15, 0);
    room.told('unheard', 20 * SECOND);
    expect(pathsIn(room.fit(planOf({ a: 6, b: 8, c: 16 }), 20 * SECOND))).toEqual(['a', 'b']);
  });
});

describe('a server that refuses what should fit', () => {
  it('gets one file a minute, and each again within five minutes', () => {
    const answers: Answers = { free: 100 * MB, takes: () => false };
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 1 + i]));
    const one = service(answers, files);
    one.cycle();
    // Once more as told, and from then on one by one.
    one.pass(2 * HOUR);
    expect(one.refused()).toBeLessThanOrEqual(2 * IN_FLIGHT + 120);
    const tries = one.sent.filter(({ path }) => path === 'f0').map(({ at }) => at);
    const gaps = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(360);
    answers.takes = () => true;
    one.pass(360 * SECOND);
    expect(one.waiting).toEqual({});
  });

  it('is believed again when its sums are right again', () => {
    const answers: Answers = { free: 100, takes: () => false };
    const one = service(answers, { a: 10, b: 20 });
    one.cycle();
    one.pass(90 * SECOND);
    answers.free = 0;
    one.pass(2 * HOUR);
    Object.assign(answers, { free: 30, takes: () => true });
    const before = one.sent.length;
    one.pass(60 * SECOND);
    const since = one.sent.slice(before);
    expect(since.map(({ path }) => path)).toEqual(['a', 'b']);
    expect(since[0]?.at).toBe(since[1]?.at);
    const last = one.asked.slice(-4);
    expect((last[3] ?? 0) - (last[0] ?? 0)).toBeLessThanOrEqual(3 * 45);
  });

  it('holds up no small file for long by refusing one large file', () => {
    const answers: Answers = { free: 100 * MB, takes: (path) => path !== 'large' };
    const one = service(answers, { large: 50 * MB });
    one.cycle();
    one.pass(HOUR);
    Object.assign(one.waiting, { edit: 10 });
    one.pass(60 * SECOND);
    expect(one.waiting).toEqual({ large: 50 * MB });
  });
});

describe('a server that tells no free room', () => {
  it('gets the smallest file every minute, and the others at once when that went through', () => {
    const answers: Answers = { free: undefined, takes: () => false };
    const one = service(answers, { a: 30, b: 20, c: 10 });
    one.cycle();
    one.pass(2 * HOUR);
    expect(new Set(one.sent.slice(3).map(({ path }) => path))).toEqual(new Set(['c']));
    expect(one.sent.length).toBeLessThanOrEqual(3 + 120);
    answers.takes = () => true;
    one.pass(60 * SECOND);
    expect(one.waiting).toEqual({});
    expect(new Set(one.sent.slice(-3).map(({ at }) => at)).size).toBe(1);
  });

  it('gets a large file no more often than every five minutes', () => {
    const one = service({ free: undefined, takes: () => false }, { a: 50 * MB });
    one.cycle();
    one.pass(HOUR);
    const gaps = one.sent.slice(2).map(({ at }, i) => at - (one.sent[i + 1]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(300);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(360);
  });

  it('gets the folders that its file needs, too', () => {
    const room = createRoom();
    room.begins(true, 0);
    room.told(undefined, 0);
    const folder = { kind: 'makeFolderRemote', place: { path: 'f' }, after: [] } as unknown as Operation;
    const plan = planOf({ 'f/a': 10, 'f/b': 20 }, folder);
    for (const upload of plan.operations.slice(0, 2)) Object.assign(upload, { after: [2] });
    expect(pathsIn(room.fit(plan, 0)).sort()).toEqual(['f', 'f/a']);
  });
});

describe('what people are told', () => {
  it('is said when it begins and when it is over, not in between', () => {
    const answers: Answers = { free: 0, takes: () => false };
    const one = service(answers, { a: 1, b: 2 });
    one.cycle();
    one.pass(3 * HOUR);
    expect(one.news).toEqual([{ at: 0, files: 2, bytes: 3 }]);
    Object.assign(answers, { free: 10, takes: () => true });
    one.pass(60 * SECOND);
    expect(one.news.slice(1)).toEqual([{ at: expect.any(Number), files: 0, bytes: 0 }]);
  });

  it('is said again when much more waits, at most every ten minutes', () => {
    const one = service({ free: 0, takes: () => false }, { a: 1, b: 2 });
    one.cycle();
    one.pass(60 * SECOND);
    for (let i = 0; i < 8; i += 1) {
      Object.assign(one.waiting, { [`more ${i}`]: 1 });
      one.pass(60 * SECOND);
    }
    expect(one.news).toHaveLength(1);
    one.pass(HOUR);
    expect(one.news.map(({ files }) => files)).toEqual([2, 10]);
    expect(one.news[1]?.at).toBeGreaterThanOrEqual(600);
  });
});
