/**
 * Remembered lists of folders, so that "look right before the deed" costs one list for a whole batch. A list is good
 * for `lookWithinMs`; a folder that this process made itself is known to hold what this process put there, for a few
 * seconds. Our own deeds are entered at once, because a list from before them would lie.
 */
import { sameRemote } from '../../core/base.ts';
import type { RemoteStamp } from '../../core/tree.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Pace } from '../../lib/gate.ts';
import type { Manner, StorageClient } from './client.ts';
import { childId, type DirId, type EntryId, idName, isIdWithin, parentId } from './ids.ts';
import type { Entry, Listing } from './wire.ts';

export interface Looks {
  /**
   * The folder as it was at most `lookWithinMs` ago. `exact`: existing versions will be compared, so that what we only
   * know because we wrote it is not enough.
   */
  at(dir: DirId, exact: boolean, signal?: AbortSignal): Promise<Listing>;
  /** As `at` with `exact`, but not as it was before `moment`, a monotonic time. */
  since(moment: number, dir: DirId, signal?: AbortSignal): Promise<Listing>;
  /**
   * Whether an upload, a move or a removal may go on this look now. `pace`: as `Gate` tells it at admission; undefined:
   * as told last.
   * RACE: the age allowed here is the time in which a stranger's new file can be overwritten, or taken along.
   */
  trusts(look: Listing, pace?: Pace): boolean;
  /** The folder as it is now. */
  fresh(dir: DirId, signal?: AbortSignal): Promise<Listing>;
  /**
   * The same, to see what came of a deed that was sent, or for bytes that went or came: it is not called back, and goes
   * before its equals, since an edit that is made until then can pass for the deed.
   */
  after(dir: DirId, signal?: AbortSignal): Promise<Listing>;
  /** The same, for a look in the background. */
  scanned(dir: DirId, signal?: AbortSignal): Promise<Listing>;
  /** Takes over a list that somebody else made. */
  remember(dir: DirId, listing: Listing): void;
  /** We made this folder: it was empty when that was sent (monotonic milliseconds; now, when it is left out). */
  made(dir: EntryId, sentAt?: number): void;
  /**
   * A list that an upload may still rely on, with our own deeds since; a new one when there is none, as `after` makes
   * it if it `concludes`.
   */
  recent(dir: DirId, signal?: AbortSignal, concludes?: boolean): Promise<Listing>;
  /** Whether we made this folder a moment ago, so that nobody else is likely to write to it. */
  isOwn(dir: DirId): boolean;
  /**
   * False when what was listed last, however old, shows something else under the name: any list may tell that a look is
   * wrong, also one that was made for another purpose.
   */
  allows(dir: DirId, name: string, expect: RemoteStamp | undefined): boolean;
  /** What was listed last, however old: enough to see that something is not as expected, never that it is. */
  known(dir: DirId): Listing | undefined;
  /** We put a file or folder there; its date is not known. */
  put(dir: DirId, name: string, kind: 'file' | 'folder', size?: number): void;
  /** We are about to put a file there; before it is sent, since it may be listed before its answer is here. */
  sends(dir: DirId, name: string): void;
  /** Whether that was said of it, and it was not taken away since: no file of anybody else. Of the latest 65,536. */
  hasSent(id: EntryId): boolean;
  /** We took an entry away, with everything below it. */
  gone(dir: DirId, name: string): void;
  /**
   * Something was sent that puts or takes these, and nobody knows what came of it: before anything new relies on what is
   * remembered of their folders they are listed, also those of our own making.
   */
  doubt(ids: readonly EntryId[]): void;
  /** Nothing that is remembered of this entry and of what is below it is to be relied on. */
  forget(id: EntryId): void;
}

interface Memory {
  entries: Map<string, Entry>;
  readonly sentAt: number;
  /** When the youngest list was sent of which something is known here. */
  toldAt: number;
  /** Entries were added by our own deeds, without what only a list tells. */
  blurred: boolean;
}

/** A deed may rely on a look that is this old, and on a folder of our own making a little longer. */
const TRUST_MS = 2_000;
const OWN_FOLDER_MS = 30_000;
/**
 * At a slow rate a look serves this many turns of the gate, so that looking costs a twentieth of the budget at most. A
 * pause is no turn: one look more for each costs little, and others have much time in it.
 */
const TRUST_TURNS = 20;
const MOST_REMEMBERED = 512;
const MOST_SENT = 65_536;

export function createLooks(client: StorageClient, clock: Clock, lookWithinMs: number): Looks {
  const memories = new Map<DirId, Memory>();
  const underWay = new Map<DirId, Promise<Listing>>();
  /** The latest last. */
  const sent = new Set<EntryId>();
  /** For each list that is under way, the names we did something to meanwhile: of them it may show what was before. */
  const besideLists = new Map<DirId, Set<Set<string>>>();

  /** Of folders that we made and that no list replaced since. */
  const own = new WeakSet<Listing>();
  /** Good for what they show, and for those who took them before, but for nobody else. */
  const doubted = new WeakSet<Listing>();
  let turnMs = 0;
  let openSince = Number.NEGATIVE_INFINITY;

  const trusts = (look: Listing, pace?: Pace): boolean => {
    const now = clock.monotonic();
    if (pace !== undefined) [turnMs, openSince] = [pace.turnMs, now - pace.openMs];
    const age = now - look.sentAt;
    if (age <= (own.has(look) ? OWN_FOLDER_MS : TRUST_MS)) return true;
    return look.sentAt >= openSince && age <= TRUST_TURNS * turnMs;
  };
  const good = (memory: Memory, exact: boolean): boolean => {
    if (doubted.has(memory) || (exact && memory.blurred)) return false;
    if (!exact && own.has(memory) && trusts(memory)) return true;
    return clock.monotonic() - memory.sentAt <= lookWithinMs;
  };
  const remember = (dir: DirId, listing: Listing): void => {
    if (memories.size >= MOST_REMEMBERED)
      for (const [id, memory] of memories) if (!good(memory, false)) memories.delete(id);
    const { sentAt } = listing;
    memories.set(dir, { entries: new Map(listing.entries), sentAt, toldAt: sentAt, blurred: false });
  };
  /** A list beside which we did something is no look, but what it shows of the other names is known. */
  const absorb = (dir: DirId, { entries, sentAt }: Listing, touched: ReadonlySet<string>): void => {
    const memory = memories.get(dir) ?? {
      entries: new Map(),
      sentAt: Number.NEGATIVE_INFINITY,
      toldAt: sentAt,
      blurred: true,
    };
    const shown = [...entries].filter(([name]) => !touched.has(name));
    memory.entries = new Map([...shown, ...[...memory.entries].filter(([name]) => touched.has(name))]);
    memory.toldAt = sentAt;
    memories.set(dir, memory);
  };
  const list = async (dir: DirId, manner: Manner): Promise<Listing> => {
    const touched = new Set<string>();
    const lists = besideLists.get(dir) ?? new Set();
    besideLists.set(dir, lists.add(touched));
    let sent = false;
    // Deeds of ours count from when it is sent, not from when it began to wait for its turn.
    const still = (): boolean => {
      if (!sent) touched.clear();
      sent = true;
      return true;
    };
    try {
      const listing = await client.list(dir, { ...manner, still });
      // What was sent later and answered sooner knows more.
      if (listing.sentAt < (memories.get(dir)?.toldAt ?? Number.NEGATIVE_INFINITY)) return listing;
      if (touched.size === 0) remember(dir, listing);
      else absorb(dir, listing, touched);
      return listing;
    } finally {
      lists.delete(touched);
      if (lists.size === 0) besideLists.delete(dir);
    }
  };
  const fresh = (dir: DirId, signal?: AbortSignal): Promise<Listing> => list(dir, { signal });
  const after = (dir: DirId, signal?: AbortSignal): Promise<Listing> =>
    list(dir, { signal, concludes: true, priority: 1 });
  const shared = (dir: DirId, signal?: AbortSignal): Promise<Listing> => {
    const running = underWay.get(dir);
    if (running !== undefined) return running;
    const started = fresh(dir, signal).finally(() => {
      if (underWay.get(dir) === started) underWay.delete(dir);
    });
    underWay.set(dir, started);
    return started;
  };
  const change = (dir: DirId, name: string, edit: (memory: Memory) => void): void => {
    for (const touched of besideLists.get(dir) ?? []) touched.add(name);
    const memory = memories.get(dir);
    if (memory !== undefined) edit(memory);
  };

  const forgetBelow = (top: EntryId): void => {
    for (const id of [...memories.keys()]) if (isIdWithin(id, top)) memories.delete(id);
  };

  return {
    at: async (dir, exact, signal) => {
      const memory = memories.get(dir);
      return memory !== undefined && good(memory, exact) ? memory : shared(dir, signal);
    },
    since: async (moment, dir, signal) => {
      const memory = memories.get(dir);
      if (memory !== undefined && good(memory, true) && memory.sentAt >= moment) return memory;
      const listed = await shared(dir, signal);
      return listed.sentAt >= moment ? listed : shared(dir, signal);
    },
    trusts,
    recent: async (dir, signal, concludes) => {
      const memory = memories.get(dir);
      if (memory !== undefined && !doubted.has(memory) && trusts(memory)) return memory;
      return concludes === true ? after(dir, signal) : shared(dir, signal);
    },
    isOwn: (dir) => {
      const memory = memories.get(dir);
      return memory !== undefined && !doubted.has(memory) && own.has(memory) && trusts(memory);
    },
    known: (dir) => {
      const memory = memories.get(dir);
      return memory === undefined || memory.blurred || doubted.has(memory) ? undefined : memory;
    },
    fresh,
    after,
    scanned: (dir, signal) => list(dir, { signal, discovery: true }),
    remember,
    allows: (dir, name, expect) => {
      const entry = memories.get(dir)?.entries.get(name);
      // Of what we put there ourselves the date is not known.
      if (entry === undefined || (entry.kind === 'file' && entry.date === undefined)) return true;
      return matches(entry, expect);
    },
    made: (dir, sentAt = clock.monotonic()) => {
      const memory = { entries: new Map(), sentAt, toldAt: sentAt, blurred: false };
      own.add(memory);
      memories.set(dir, memory);
    },
    put: (dir, name, kind, size) =>
      change(dir, name, (memory) => {
        const id = childId(dir, name);
        memory.blurred = true;
        memory.entries.set(
          name,
          kind === 'file' ? { kind, id, name, size, date: undefined } : { kind, id, name, count: undefined },
        );
      }),
    sends: (dir, name) => {
      const id = childId(dir, name);
      sent.delete(id);
      const [oldest] = sent;
      if (sent.size >= MOST_SENT && oldest !== undefined) sent.delete(oldest);
      sent.add(id);
    },
    hasSent: (id) => sent.has(id),
    gone: (dir, name) => {
      sent.delete(childId(dir, name));
      change(dir, name, (memory) => memory.entries.delete(name));
      forgetBelow(childId(dir, name));
    },
    doubt: (ids) => {
      for (const id of ids) {
        const dir = parentId(id);
        change(dir, idName(id), (memory) => doubted.add(memory));
        // A list that set out before may not show it.
        underWay.delete(dir);
      }
    },
    forget: (id) => {
      memories.delete(parentId(id));
      forgetBelow(id);
    },
  };
}

/** True when the entry is exactly the version that was expected; undefined expects nothing there. */
export function matches(entry: Entry | undefined, expect: RemoteStamp | undefined): boolean {
  if (expect === undefined) return entry === undefined;
  if (entry?.kind !== 'file' || entry.size === undefined || entry.date === undefined) return false;
  return sameRemote(expect, { size: entry.size, date: entry.date });
}
