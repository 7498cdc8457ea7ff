/** The goals, in the order of their numbers. */

import { measure as firstPushRequests } from './goals/01-first-push-requests.ts';
import { measure as unchangedRequests } from './goals/02-unchanged-requests.ts';
import { measure as changedRequests } from './goals/03-changed-requests.ts';
import { measure as firstPushWall } from './goals/04-first-push-wall.ts';
import { measure as firstPushNoLatency } from './goals/05-first-push-no-latency.ts';
import { measure as unchangedWall } from './goals/06-unchanged-wall.ts';
import { measure as changedWall } from './goals/07-changed-wall.ts';
import { measure as firstPushCpu } from './goals/08-first-push-cpu.ts';
import { measure as rate } from './goals/09-rate.ts';
import { measure as editDuringBulk } from './goals/10-edit-during-bulk.ts';
import { measure as editToServer } from './goals/11-edit-to-server.ts';
import { measure as editToDisk } from './goals/12-edit-to-disk.ts';
import { measure as scan } from './goals/13-scan.ts';
import { measure as restart } from './goals/14-restart.ts';
import { measure as memory } from './goals/15-memory.ts';
import { measure as watches } from './goals/16-watches.ts';
import { measure as idleCpu } from './goals/17-idle-cpu.ts';
import { measure as largeFiles } from './goals/18-large-files.ts';
import { measure as folderRename } from './goals/19-folder-rename.ts';
import { measure as deletes } from './goals/20-deletes.ts';
import { measure as burst } from './goals/21-burst.ts';
import type { Goal } from './goals/goal.ts';

const each = { job: undefined, sized: true, long: false } as const;
const once = { job: undefined, sized: false, long: false } as const;
const inRounds = (job: NonNullable<Goal['job']>) => ({ ...each, job });

export const GOALS: readonly Goal[] = [
  { number: 1, title: 'requests, first push', ...inRounds('first push'), measure: firstPushRequests },
  {
    number: 2,
    title: 'requests, nothing changed',
    ...inRounds('nothing changed'),
    measure: unchangedRequests,
  },
  { number: 3, title: 'requests, 1 % + 1 %', ...inRounds('1 % + 1 %'), measure: changedRequests },
  { number: 4, title: 'wall, first push', ...inRounds('first push'), measure: firstPushWall },
  { number: 5, title: 'wall, first push without latency', ...each, measure: firstPushNoLatency },
  { number: 6, title: 'wall, nothing changed', ...inRounds('nothing changed'), measure: unchangedWall },
  { number: 7, title: 'wall, 1 % + 1 %', ...inRounds('1 % + 1 %'), measure: changedWall },
  { number: 8, title: 'CPU of a first push', ...inRounds('first push'), measure: firstPushCpu },
  { number: 9, title: 'first push under a rate limit', ...once, measure: rate },
  {
    number: 10,
    title: 'a fresh edit during a bulk push, 300 a minute',
    ...once,
    long: true,
    measure: editDuringBulk,
  },
  { number: 11, title: 'a local edit, until it is on the server', ...once, measure: editToServer },
  {
    number: 12,
    title: 'a remote edit, until it is on disk, 300 a minute',
    ...once,
    long: true,
    measure: editToDisk,
  },
  { number: 13, title: 'local scan', ...each, measure: scan },
  { number: 14, title: 'restart', ...each, measure: restart },
  { number: 15, title: 'memory', ...each, measure: memory },
  { number: 16, title: 'inotify watches', ...each, measure: watches },
  { number: 17, title: 'idle CPU', ...each, measure: idleCpu },
  { number: 18, title: 'large files', ...once, measure: largeFiles },
  { number: 19, title: 'a folder of 1,000 files renamed', ...once, measure: folderRename },
  { number: 20, title: '1,000 files deleted in 10 folders', ...once, measure: deletes },
  { number: 21, title: 'a burst of 5,000 creations', ...once, measure: burst },
];
