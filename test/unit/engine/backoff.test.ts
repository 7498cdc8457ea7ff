import { describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { createBackoff, versionOf } from '../../../src/engine/backoff.ts';

const path = relPath('a.txt');
const problem = { path, code: 'failed', message: 'the server refuses a.txt' } as const;

describe('a path that failed', () => {
  it('waits longer each time, and at most an hour', () => {
    const backoff = createBackoff();
    let now = 0;
    const delays: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      backoff.failed(path, 'v1', problem, 'hold', now);
      const until = backoff.nextAt(now) ?? now;
      delays.push((until - now) / 1000);
      expect(backoff.blocked(path, 'v1', until - 1)).toBe(problem);
      expect(backoff.blocked(path, 'v1', until)).toBeUndefined();
      now = until;
    }
    expect(delays.slice(0, 4)).toEqual([25, 50, 100, 200]);
    expect(delays.at(-1)).toBe(3600);
  });

  it('is tried every five minutes at last when a person must clear the way, which nothing tells', () => {
    const backoff = createBackoff();
    let now = 0;
    const delays: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      backoff.failed(path, 'v1', problem, 'blocked', now);
      const until = backoff.nextAt(now) ?? now;
      delays.push((until - now) / 1000);
      now = until;
    }
    expect(delays).toEqual([25, 50, 100, 200, 300, 300]);
  });

  it('is tried at once when it changed, and begins anew with its waits', () => {
    const backoff = createBackoff();
    backoff.failed(path, 'v1', problem, 'hold', 0);
    backoff.failed(path, 'v1', problem, 'hold', 0);
    expect(backoff.blocked(path, 'v2', 1)).toBeUndefined();
    backoff.failed(path, 'v2', problem, 'hold', 0);
    expect(backoff.nextAt(0)).toBe(25_000);
  });

  it('is forgotten when it succeeds, and never kept for what only the user can mend', () => {
    const backoff = createBackoff();
    backoff.failed(path, 'v1', problem, 'retry', 0);
    expect(backoff.nextAt(0)).toBe(500);
    backoff.succeeded(path);
    expect(backoff.nextAt(0)).toBeUndefined();
    backoff.failed(path, 'v1', problem, 'fix', 0);
    expect(backoff.nextAt(0)).toBeUndefined();
  });

  it('has another version when either side changes', () => {
    const local = (size: number) =>
      ({ kind: 'file', stamp: { size, ino: 1, mtimeMs: 2, ctimeMs: 3, mode: 0 } }) as const;
    const remote = (date: number) => ({ kind: 'file', stamp: { size: 1, date } }) as const;
    const versions = [
      versionOf(local(1), remote(1)),
      versionOf(local(2), remote(1)),
      versionOf(local(1), remote(2)),
      versionOf(undefined, remote(1)),
      versionOf(local(1), undefined),
    ];
    expect(new Set(versions).size).toBe(versions.length);
  });
});
