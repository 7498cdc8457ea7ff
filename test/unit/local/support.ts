/** A throw-away folder on the real disk, and a clock that moves by hand. */
import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createIgnoreRules } from '../../../src/core/ignore.ts';
import type { LocalPath } from '../../../src/core/path.ts';
import type { LocalStamp } from '../../../src/core/tree.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { type LocalFolderOptions, openLocalFolder } from '../../../src/local/folder.ts';
import type { LocalTemporary } from '../../../src/local/local.ts';
import { stampOf } from '../../../src/local/stamp.ts';

export const rules = createIgnoreRules([], { defaults: false });

export function at(path: string): LocalPath {
  return path as LocalPath;
}

export interface ManualClock extends Clock {
  set(now: number): void;
  advance(ms: number): void;
}

export function manualClock(start: number): ManualClock {
  let now = start;
  let monotonic = 0;
  return {
    now: () => now,
    monotonic: () => monotonic,
    sleep: async () => undefined,
    set: (to) => {
      now = to;
    },
    advance: (ms) => {
      now += ms;
      monotonic += ms;
    },
  };
}

/** A folder whose clock runs a minute ahead of the disk's, so that every stamp is old enough to be trusted. */
export async function disposableFolder(options: Partial<LocalFolderOptions> = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'rtsync-local-')));
  const clock = manualClock(Date.now() + 60_000);
  const temporaries: LocalTemporary[] = [];
  const folder = await openLocalFolder({ root, clock, host: 'here', ...options });
  return {
    root,
    clock,
    folder,
    path: (path: string): string => join(root, path),
    write: (path: string, content: string | Buffer): LocalStamp => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      return stampOf(lstatSync(join(root, path)));
    },
    stamp: (path: string): LocalStamp => stampOf(lstatSync(join(root, path))),
    receive: async (content: string) => {
      const temporary = await folder.temporary(content.length);
      temporaries.push(temporary);
      await temporary.receive(bodyOf(content), Buffer.byteLength(content));
      return temporary;
    },
    dispose: async () => {
      for (const temporary of temporaries) await temporary.discard();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export type DisposableFolder = Awaited<ReturnType<typeof disposableFolder>>;

export async function* bodyOf(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}
