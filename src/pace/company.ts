/**
 * What we allow ourselves of a key that others use too: a rate, in requests per window, that may be far below one. While
 * the server tells what is left, it grows as long as there is room to spare and shrinks a little, long before a refusal,
 * when there is little; all who do so end with about equal rates. Where nothing is told, a refusal is all there is to
 * learn from: half, and then more with each success, at first in great steps and after each refusal in smaller ones,
 * until far fewer than one request in a hundred is refused.
 */
export interface Company {
  readonly rate: number;
  /** By which part the rate may grow with one success. */
  readonly gain: number;
  /** When the next patient request is due. */
  readonly dueAt: number;
  /** When others were seen the last time. */
  readonly seenAt: number;
  /** A request gave up its turn, since what it relied on had grown old: until then one list may go in its place … */
  readonly lentUntil?: number;
  /** … and the request itself right after it, which pays for both. */
  readonly debt?: number;
}

/** What is known at one answer. */
export interface Sight {
  /** All our requests of the last window, those without an answer included. */
  readonly ours: number;
  /** What we keep to. */
  readonly limit: number | undefined;
  /** What the server states; `remaining` is of it. */
  readonly stated: number | undefined;
  readonly remaining: number | undefined;
  readonly windowMs: number;
}

/** One request in 200 windows: who was refused that often asks rarely, but asks. */
const LEAST = 1 / 200;
/** Without a refusal for so long, there is nobody else. */
const QUIET_WINDOWS = 4;
const [LARGEST_GAIN, SMALLEST_GAIN] = [0.5, 0.002];

/** After an answer that was no refusal. Undefined: we are alone, or may behave as if. */
export function afterSuccess(before: Company | undefined, sight: Sight, now: number): Company | undefined {
  const { limit, stated, remaining, windowMs } = sight;
  if (stated === undefined || remaining === undefined) return before && grownBlindly(before, sight, now);
  const crowded = stated - remaining - sight.ours > 0;
  if (before === undefined) {
    if (!crowded) return undefined;
    return { rate: Math.max(1, sight.ours, remaining / 2), gain: 0.1, dueAt: now, seenAt: now };
  }
  if (!crowded && now - before.seenAt > windowMs) return undefined;
  const { rate, gain } = before;
  const spare = remaining - marginOf(stated);
  const seen = { ...before, seenAt: crowded ? now : before.seenAt };
  // All see the same room, so whoever has much more than that leaves some of it to the others.
  const enough = Math.max(0, 3 * spare);
  if (rate > enough) {
    const less = Math.min(rate / 6, (0.6 * (rate - enough)) / (rate + enough));
    return paced({ ...seen, gain: Math.max(SMALLEST_GAIN, gain * 0.9) }, rate - less, limit, now);
  }
  // In a window a large rate grows by less of itself than a small one, and shrinks by as much: that makes them equal.
  const fair = rate < 4 ? rate / 4 : 2 / Math.sqrt(rate);
  const most = spare > stated / 4 ? Math.max(fair, gain * rate) : fair;
  // Together, all should take about what is to spare within a window; who is small does not know how many there are.
  const change = Math.min(most, (spare / stated) * Math.min(3, Math.sqrt(stated / rate) / 3));
  return paced({ ...seen, gain: Math.min(LARGEST_GAIN, gain * 1.02) }, rate + change, limit, now);
}

/**
 * After a success that ended a row of refusals, `tookMs` after the first of them: that is how often one gets through.
 * Where nothing else is told it may have been an outage, and is not believed beyond an eighth.
 */
export function afterRow(
  company: Company | undefined,
  { remaining, windowMs }: Sight,
  tookMs: number,
): Company | undefined {
  const seen = Math.max(windowMs / tookMs, remaining === undefined ? 1 / 8 : LEAST);
  return company && { ...company, rate: Math.min(company.rate, seen) };
}

/** After the first 429 in a row; what follows it tells nothing about the rate, only that the pause was too short. */
export function afterRefusal(before: Company | undefined, sight: Sight, now: number): Company | undefined {
  const { ours, limit, remaining } = sight;
  // The window was ours, and the server says so: nothing to learn.
  if (remaining === 0 && limit !== undefined && ours >= 0.8 * limit) return before;
  const used = Math.max(1, ours);
  const rate = Math.min(before?.rate ?? limit ?? used, used) / 2;
  const gain = before === undefined ? Math.min(LARGEST_GAIN, 1 / used) : before.gain / 2;
  return { rate: Math.max(LEAST, rate), gain: Math.max(SMALLEST_GAIN, gain), dueAt: now, seenAt: now };
}

/**
 * After one more request. `random` in [0, 1) keeps many programs from falling into step. An urgent one delays the patient
 * ones by one distance, however many there are: debts at a low rate would never be paid.
 */
export function afterSent(
  company: Company,
  { windowMs, random, patient, look }: { windowMs: number; random: number; patient: boolean; look: boolean },
  now: number,
): Company {
  const { debt = 0, lentUntil = now } = company;
  if (patient && look && lentUntil > now) return { ...company, lentUntil: now, debt: debt + 1 };
  const distance = ((1 + (patient ? debt : 0)) * windowMs) / company.rate;
  const step = distance * (0.5 + random);
  const dueAt = patient
    ? Math.max(company.dueAt, now - distance) + step
    : Math.max(company.dueAt, now + step);
  return { ...company, dueAt, ...(patient && debt > 0 && { debt: 0 }) };
}

/**
 * After a turn that was given up. At a low rate what was looked at would grow old until the next turn, again and again:
 * so the look and what relies on it share one, and then wait for two.
 */
export function afterStale(company: Company, windowMs: number, now: number): Company {
  return { ...company, lentUntil: now + windowMs / 30 };
}

/** How much of a refused window was other people's: 0 all ours, 1 all theirs. */
export function othersPart(ours: number, limit: number | undefined): number {
  return limit === undefined ? 0.5 : Math.max(0, 1 - ours / limit);
}

function grownBlindly(
  company: Company,
  { limit = Number.POSITIVE_INFINITY, windowMs }: Sight,
  now: number,
): Company | undefined {
  const { rate, gain, seenAt } = company;
  const grown = rate * (1 + gain);
  if (grown >= limit && now - seenAt > QUIET_WINDOWS * windowMs) return undefined;
  return paced({ ...company, gain: Math.min(LARGEST_GAIN, gain * 1.004) }, grown, limit, now);
}

/** What is left free because the others' next requests cannot be seen. The same for all, or the largest takes it all. */
function marginOf(limit: number): number {
  return Math.min(limit / 3, 2 + 1.5 * Math.sqrt(limit));
}

/** With another rate; what is due comes nearer when it grows. */
function paced(company: Company, wanted: number, limit: number | undefined, now: number): Company {
  const rate = Math.min(limit ?? Number.POSITIVE_INFINITY, Math.max(LEAST, wanted));
  const wait = Math.max(0, company.dueAt - now) * Math.min(1, company.rate / rate);
  return { ...company, rate, dueAt: Math.min(company.dueAt, now + wait) };
}
