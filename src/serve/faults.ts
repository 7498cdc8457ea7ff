/** Faults that the server plays on purpose: scripted for the next matching request, or by chance with a seed. */
import type { RequestEntry, RequestLabel } from './log.ts';
import { seededRandom } from './random.ts';

export type Fault =
  /** An error answer; nothing is done. */
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly message?: string }
  /** 429; nothing is done. `retryAfter` in seconds. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: number }
  /** The connection breaks; nothing is done. */
  | { readonly kind: 'drop' }
  /** The deed is done, the connection breaks instead of an answer. */
  | { readonly kind: 'lost-answer' }
  /** A download that breaks off after `bytes` (default: half of it). */
  | { readonly kind: 'cut'; readonly bytes?: number }
  /** An upload's answer names another id than the one it stored under. */
  | { readonly kind: 'wrong-id'; readonly id?: string }
  /** A page of HTML with status 200; nothing is done. */
  | { readonly kind: 'html' }
  /** A folder's list that breaks off half-way. */
  | { readonly kind: 'half-list' }
  /** The deed waits so many milliseconds. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Something that happens after the request arrived and before the deed. */
  | { readonly kind: 'before'; readonly run: () => Promise<void> | void }
  /** Something that happens between the deed and its answer. */
  | { readonly kind: 'after'; readonly run: () => Promise<void> | void };

export type Matcher =
  | RequestLabel
  | { readonly label?: RequestLabel; readonly method?: string; readonly path?: string | RegExp }
  | ((entry: RequestEntry) => boolean);

/** Chances from 0 to 1 for each request that the fault fits. */
export interface FaultRates {
  readonly seed?: number | undefined;
  readonly latencyMs?: number | undefined;
  /** 500, 502 or 503 before the deed. */
  readonly serverError?: number | undefined;
  readonly drop?: number | undefined;
  readonly lostAnswer?: number | undefined;
  readonly cut?: number | undefined;
  readonly wrongId?: number | undefined;
  readonly rateLimit?: number | undefined;
  readonly html?: number | undefined;
  readonly halfList?: number | undefined;
  /** A wait of up to a second before the deed. */
  readonly slow?: number | undefined;
}

type Chance = Exclude<keyof FaultRates, 'seed' | 'latencyMs'>;

/** The faults by chance as people name them, each with what happens. */
export const FAULT_KINDS: Readonly<Record<string, { readonly rate: Chance; readonly words: string }>> = {
  error: { rate: 'serverError', words: '500, 502 or 503, nothing is done' },
  'rate-limit': { rate: 'rateLimit', words: '429, nothing is done' },
  drop: { rate: 'drop', words: 'the connection breaks, nothing is done' },
  html: { rate: 'html', words: 'a page of HTML for an answer, nothing is done' },
  cut: { rate: 'cut', words: 'a download breaks off half-way' },
  'half-list': { rate: 'halfList', words: 'a list breaks off half-way' },
  'wrong-id': { rate: 'wrongId', words: 'an upload is answered with another id' },
  'lost-answer': {
    rate: 'lostAnswer',
    words: 'the deed is done, the connection breaks instead of an answer',
  },
  slow: { rate: 'slow', words: 'it takes up to a second longer' },
};

const SLOWEST_MS = 1000;

export interface Faults {
  /** Waited for before each deed, by the server's clock. */
  latencyMs: number;
  /** Plays the fault on the next `times` matching requests, in the order of the calls. */
  next(matcher: Matcher, fault: Fault, times?: number): void;
  /** Replaces the chances and starts the random numbers again. */
  random(rates: FaultRates): void;
  /** Scripted faults that no request has met yet. */
  pending(): number;
  clear(): void;
}

export interface FaultPlayer extends Faults {
  /** The fault for this request; a scripted one is used up. */
  pick(entry: RequestEntry): Fault | undefined;
}

interface Scripted {
  readonly matcher: Matcher;
  readonly fault: Fault;
  left: number;
}

export function createFaults(initial: FaultRates): FaultPlayer {
  let rates: FaultRates = initial;
  let random = seededRandom(initial.seed ?? 1);
  let script: Scripted[] = [];
  const player: FaultPlayer = {
    latencyMs: initial.latencyMs ?? 0,
    next(matcher, fault, times = 1) {
      script.push({ matcher, fault, left: times });
    },
    random(next) {
      rates = next;
      random = seededRandom(next.seed ?? 1);
      if (next.latencyMs !== undefined) player.latencyMs = next.latencyMs;
    },
    pending: () => script.reduce((sum, step) => sum + step.left, 0),
    clear() {
      script = [];
      rates = {};
      player.latencyMs = 0;
    },
    pick(entry) {
      const step = script.find((candidate) => matches(candidate.matcher, entry));
      if (step === undefined) return byChance(rates, random, entry);
      step.left -= 1;
      if (step.left === 0) script = script.filter((other) => other !== step);
      return step.fault;
    },
  };
  return player;
}

function matches(matcher: Matcher, entry: RequestEntry): boolean {
  if (typeof matcher === 'string') return entry.label === matcher;
  if (typeof matcher === 'function') return matcher(entry);
  const { label, method, path } = matcher;
  if (label !== undefined && entry.label !== label) return false;
  if (method !== undefined && entry.method !== method) return false;
  if (path === undefined) return true;
  const ids = entry.ids.length > 0 ? entry.ids : [entry.path];
  return ids.some((id) => (typeof path === 'string' ? id === path : path.test(id)));
}

function byChance(rates: FaultRates, random: () => number, entry: RequestEntry): Fault | undefined {
  const falls = (rate: number | undefined): boolean => rate !== undefined && rate > 0 && random() < rate;
  if (falls(rates.serverError)) return { kind: 'status', status: 500 + Math.floor(random() * 3.99) };
  if (falls(rates.rateLimit)) return { kind: 'rate-limit' };
  if (falls(rates.drop)) return { kind: 'drop' };
  if (falls(rates.html)) return { kind: 'html' };
  if (entry.label === 'download' && falls(rates.cut)) return { kind: 'cut' };
  if (entry.label === 'list' && falls(rates.halfList)) return { kind: 'half-list' };
  if (entry.label === 'upload' && falls(rates.wrongId)) return { kind: 'wrong-id' };
  if (falls(rates.lostAnswer)) return { kind: 'lost-answer' };
  if (falls(rates.slow)) return { kind: 'slow', ms: Math.ceil(random() * SLOWEST_MS) };
  return undefined;
}
