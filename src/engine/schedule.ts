/**
 * What the service does next, and when: which folders to look at on either side, what is left of the cycle before, and
 * how long to leave a server alone that is in trouble. It starts nothing by itself.
 */
import { type DirPath, keyOf, type LocalDir, type RelPath, type RemoteDir, ROOT } from '../core/path.ts';
import { type RemoteTree, spell } from '../core/tree.ts';
import type { RtsyncError } from '../lib/errors.ts';
import type { CycleRequest, CycleResult, Memory } from './cycle.ts';
import { createFreshness, HOT_MS, isSmall, type Knowledge, roundMs, staleness } from './freshness.ts';
import { whatNext } from './next.ts';
import type { Pair } from './pair.ts';

export interface ScheduleOptions {
  /** Milliseconds between sweeps of the remote side, where the rate limit can carry it. */
  readonly pollMs: number;
  /** How old our knowledge of a remote folder may get, in milliseconds: 900,000. */
  readonly maxStalenessMs?: number;
  /** Requests a minute, when configured; else what the server tells. */
  readonly limitPerMinute: number | undefined;
  /** Milliseconds between full local scans, the net under the hints. */
  readonly rescanMs: number;
}

export interface Schedule {
  readonly memory: Memory | undefined;
  /** Takes over what an earlier process knew. */
  remember(memory: Memory): void;
  /** The cycle before left what was due to a fresh edit: now it is its turn, and hints wait. */
  readonly owes: boolean;
  /** Monotonic milliseconds of the next cycle without a hint. */
  dueAt(now: number): number;
  /** The same of the next look at the remote side. */
  lookAt(now: number): number;
  request(hints: readonly LocalDir[] | 'all', now: number): CycleRequest;
  done(request: CycleRequest, result: CycleResult): void;
  /** The look was called back: what the cycle had taken is owed. */
  superseded(request: CycleRequest): void;
  /** `early`: nothing was decided or done yet, so what was known before still holds. Gives the pause in milliseconds. */
  failed(error: RtsyncError, early: boolean): number;
  knowledge(): Knowledge;
  /** What a person should know once about how old knowledge gets; undefined when there is nothing, or it was told. */
  news(): string | undefined;
}

const RETRY_MS = 2_000;
const RETRY_MAX_MS = 120_000;
const MAX_STALENESS_MS = 900_000;
/** Of the time that much work took, the part for which looks in between may take their part of the limit. */
const BULK_SHARE = 1 / 2;
const BULK_MOST_MS = 8_000;
/** In the middle of much work a look that was called back is left until the next, unless none was done for so long. */
const UNSEEN_MS = 300_000;
/** What hot folders may count on while the server tells no limit. */
const NO_LIMIT = 300;
const NEVER = Number.POSITIVE_INFINITY;
const QUIET = { kind: 'quiet' } as const;

export function createSchedule(pair: Pair, options: ScheduleOptions): Schedule {
  const { clock } = pair;
  const { maxStalenessMs = MAX_STALENESS_MS } = options;
  const freshness = createFreshness();
  const pollMs = Math.min(options.pollMs, maxStalenessMs);
  let memory: Memory | undefined;
  /** The remote tree of which the freshness was told last. */
  let told: RemoteTree | undefined;
  let again: { readonly at: number; readonly request: CycleRequest; readonly bulk?: boolean } | undefined;
  let lookedAt = 0;
  /** When a look was over, and what of the latest was for the work. */
  let seenAt = 0;
  let taken: { readonly bulk: boolean; readonly due: readonly RemoteDir[] } = { bulk: false, due: [] };
  /** Local folders that a cycle took and did not come to. */
  let owed = new Set<LocalDir>();
  let at = { poll: 0, rescan: 0, look: 0 };
  let tries = 0;
  let failures = 0;
  let said = false;
  let owes = false;

  const limit = (): number | undefined => options.limitPerMinute ?? pair.gate.limitPerMinute;
  const folders = (): number => freshness.knowledge(0).folders;
  /** Whether each poll sweeps as a whole. */
  const sweeps = (): boolean => memory === undefined || isSmall(folders(), limit(), pollMs);
  /** A sweep costs one request a folder; half of the rate is the most that it may take. */
  const sweepEvery = (): number => {
    const rate = limit();
    return rate === undefined ? pollMs : Math.max(pollMs, roundMs(folders(), rate));
  };
  const lookAt = (now: number): number => {
    const rate = limit() ?? NO_LIMIT;
    if (!sweeps()) return Math.max(at.look, freshness.dueAt(now, rate));
    const hot = pollMs > HOT_MS && memory !== undefined ? freshness.hotDueAt(now, rate, pollMs) : NEVER;
    return Math.min(at.poll, Math.max(at.look, hot));
  };
  /** `bulk`: there is much to do, and this is the only look for a while. */
  const look = (now: number, bulk: boolean): 'sweep' | readonly DirPath[] => {
    if (memory === undefined) return 'sweep';
    const rate = limit() ?? NO_LIMIT;
    const sliceMs = bulk ? Math.min(BULK_MOST_MS, (now - lookedAt) * BULK_SHARE) : undefined;
    if (!sweeps()) return now < at.look ? [] : freshness.take(now, rate, sliceMs);
    if (at.poll <= now) return 'sweep';
    return pollMs > HOT_MS && now >= at.look ? freshness.takeHot(now, rate, pollMs) : [];
  };
  const spelled = (dirs: readonly DirPath[]): readonly RemoteDir[] =>
    dirs.map((dir) =>
      dir === ROOT || memory === undefined ? ROOT : (spell(memory.remote.tree, dir as RelPath) as RemoteDir),
    );
  const isDue = (now: number): boolean => (again?.at ?? NEVER) <= now || lookAt(now) <= now;
  const proven = (request: CycleRequest): CycleRequest => {
    if (memory === undefined || request.remote === 'sweep' || freshness.complete) return request;
    if (freshness.completedBy(keysOf(request.remote))) return { ...request, checks: true };
    return { ...request, unproven: true, isListed: freshness.isListed };
  };
  const learn = (request: CycleRequest, result: CycleResult, now: number): void => {
    const { tree } = result.memory.remote;
    const dirs = request.remote === 'sweep' ? [] : keysOf(request.remote);
    freshness.learn({ listed: result.swept ? 'all' : dirs, before: told, after: tree }, now);
    freshness.suspect(result.wanted);
    told = tree;
  };

  return {
    get memory() {
      return memory;
    },
    get owes() {
      return owes;
    },
    remember: (known) => {
      memory = known;
      told = known.remote.tree;
      freshness.remember(told);
    },
    lookAt,
    dueAt: (now) => {
      // An edit that stands still in a moment goes before all that is due.
      if (again?.request.fresh !== undefined) return again.at;
      const retryAt = pair.backoff.nextAt(now) ?? NEVER;
      const wakeAt = Math.min(retryAt, pair.room.wakeAt ?? NEVER);
      return Math.min(at.rescan, again?.at ?? NEVER, wakeAt, lookAt(now), owed.size > 0 ? now : NEVER);
    },
    request: (hints, now) => {
      const dirs = [...new Set([...(hints === 'all' ? [] : hints), ...owed])];
      owed = new Set();
      if (again?.request.fresh !== undefined) {
        const known = new Set(dirs);
        for (const dir of again.request.fresh) if (!known.has(dir)) dirs.push(dir);
        again = undefined;
      }
      if (hints === 'all') at.rescan = Math.min(at.rescan, now);
      const whole = at.rescan <= now || memory === undefined;
      // A fresh edit goes before all else; what was due comes right after it.
      if (dirs.length > 0 && memory !== undefined && !owes) {
        owes = whole || isDue(now);
        return proven({ local: dirs, remote: [], fresh: dirs });
      }
      owes = false;
      const bulk = again?.bulk === true;
      const due = again !== undefined && again.at <= now ? again.request : undefined;
      if (due !== undefined) again = undefined;
      const looks = look(now, bulk);
      if (looks.length > 0) lookedAt = now;
      taken = { bulk, due: due === undefined || due.remote === 'sweep' ? [] : due.remote };
      const sweep = looks === 'sweep' || due?.remote === 'sweep';
      const remote = sweep ? 'sweep' : [...new Set([...spelled(looks), ...(due?.remote ?? [])])];
      return proven({
        local: whole || due?.local === 'all' ? 'all' : [...new Set([...dirs, ...(due?.local ?? [])])],
        remote: remote as CycleRequest['remote'],
        ...(remote !== 'sweep' && remote.includes(ROOT) && { checks: true }),
      });
    },
    done: (request, result) => {
      const now = clock.monotonic();
      learn(request, result, now);
      if (request.remote.length > 0) seenAt = now;
      ({ memory } = result);
      failures = 0;
      if (request.local === 'all') at.rescan = now + options.rescanMs;
      if (result.swept) at.poll = now + sweepEvery();
      const found = whatNext(result, tries, !sweeps());
      // What waits for room has its own time.
      const next = found.kind === 'again' && found.why === 'room' ? QUIET : found;
      tries = next.kind === 'again' && result.totals.done.size === 0 ? tries + 1 : 0;
      if (next.kind === 'again')
        again = { at: now + next.waitMs, request: next.request, bulk: result.totals.superseded };
      else if (request.fresh === undefined) again = undefined;
      if (result.partial) owes = next.kind !== 'again' || next.request.fresh === undefined;
    },
    superseded: (request) => {
      const now = clock.monotonic();
      if (request.local === 'all') at.rescan = now;
      else for (const dir of request.local) owed.add(dir);
      if (taken.bulk && now - seenAt < UNSEEN_MS) {
        if (request.remote === 'sweep') at.poll = now + pollMs;
        again = { at: now, request: { local: [], remote: taken.due }, bulk: true };
      } else if (request.remote === 'sweep') at.poll = now;
      else again = { at: now, request: { local: [], remote: request.remote } };
    },
    failed: (error, early) => {
      const now = clock.monotonic();
      again = undefined;
      const halted = error.disposition === 'halt';
      if (halted || memory === undefined || sweeps()) memory = undefined;
      else if (!early) {
        // What deeds did since is not in it: a base that knows them must not be judged by it before it was listed again.
        freshness.remember(memory.remote.tree);
        told = memory.remote.tree;
      }
      failures = halted ? failures : failures + 1;
      const waitMs = halted ? 0 : Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (failures - 1));
      at = { poll: now + waitMs, rescan: now + waitMs, look: now + waitMs };
      return waitMs;
    },
    knowledge: () => freshness.knowledge(clock.monotonic()),
    news: () => {
      const rate = limit();
      if (said || memory === undefined || rate === undefined) return undefined;
      said = true;
      return staleness(folders(), rate, maxStalenessMs);
    },
  };
}

/** Each once. */
function keysOf(dirs: readonly RemoteDir[]): readonly DirPath[] {
  return [...new Set(dirs.map((dir) => keyOf(dir) as DirPath))];
}
