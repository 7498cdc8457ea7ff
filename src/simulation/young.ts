/**
 * What a request that changes something could know of what it met: the API has no conditional write, so that between a
 * look and what relies on it others can act. How long that may be, docs/promises.md says of each place.
 */
import type { ChecksOf } from './checks.ts';
import type { SimServerChange } from './server/changes.ts';

/** An upload relies on a look that is no older than this, or than so many turns at a slow gate. */
const LOOK_MS = 2_000;
const LOOK_TURNS = 20;
/** Who is refused goes slower for a while: by half, and by half again. */
const SLOWED = 4;
/**
 * In a folder that it has made itself, or believes to have made, it relies on that so long; and it made it since it had
 * seen its name free, which in another such folder can be so long ago again.
 */
const OWN_FOLDER_MS = 30_000;

/** A move relies on a younger one, and may take a few requests after it. */
const MOVE_LOOK_MS = 1_000;

/** Whether what it met came to stand there after its sender last looked. */
export function isUnseen(change: SimServerChange): boolean {
  const { agentWroteAt } = change;
  const listedAt = lookOf(change);
  return agentWroteAt !== undefined && (listedAt === undefined || agentWroteAt >= listedAt);
}

/** A folder that is moved or removed goes with folders that nobody had seen in it. */
function lookOf({ request, lastListedAt, aroundListedAt }: SimServerChange): number | undefined {
  return isUpload(request) ? lastListedAt : aroundListedAt;
}

function isUpload(request: string): boolean {
  return request.startsWith('POST /upload');
}

/** Whether the look that it relied on was as young as it must be when the request was sent. */
export function isYoung(
  { scenario, server }: Pick<ChecksOf, 'scenario' | 'server'>,
  change: SimServerChange,
): boolean {
  const { limitPerMinute = Number.POSITIVE_INFINITY, machines, faults } = scenario;
  const { request, sentAt, madeAt, aroundMadeAt, agentWroteAt = sentAt } = change;
  const slowed = machines.length > 1 || faults.kinds.includes('429') ? SLOWED : 1;
  const turns = (slowed * LOOK_TURNS * 60_000) / limitPerMinute;
  const within = (since: number | undefined, ms: number): boolean =>
    since !== undefined && sentAt - since <= Math.max(ms, turns);
  const listedAt = lookOf(change);
  const inOwn = aroundMadeAt !== undefined && (madeAt ?? 0) - aroundMadeAt <= Math.max(OWN_FOLDER_MS, turns);
  const seenFreeMs = Math.max(inOwn ? OWN_FOLDER_MS : LOOK_MS, turns);
  const wasFree = madeAt !== undefined && agentWroteAt >= madeAt - seenFreeMs;
  if (isUpload(request)) return within(listedAt, LOOK_MS) || (wasFree && within(madeAt, OWN_FOLDER_MS));
  return within(listedAt, MOVE_LOOK_MS) || (listedAt !== undefined && server.metTroubleSince(listedAt));
}
