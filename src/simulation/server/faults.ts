/** What may go wrong with a request on its way, by chance. */
import type { Chance } from '../hands.ts';
import { Refusal, refused, type SimAnswer } from './answer.ts';
import type { SimBehaviour } from './behaviour.ts';

export type SimFault =
  /** A network error; nothing is done. */
  | 'lost-before'
  /** The deed is done; a network error or a 502 instead of its answer. */
  | 'lost-after'
  /** A network error now; the deed happens seconds to minutes later, whoever is alive then. Writes only. */
  | 'late'
  /** A proxy sends it twice: the deed is done twice, the second answer arrives. Writes only. */
  | 'repeated'
  /** Refused for its rate, with or without `Retry-After`; nothing is done. */
  | '429'
  | '500'
  | '503'
  /** A web page with status 200; nothing is done. */
  | 'html'
  /** A list that breaks off: no JSON. */
  | 'half-list'
  /** A list that lacks entries and does not show it. No client can see through it: not one of the usual. */
  | 'lying-list'
  /** A download shorter than its `content-length`, with an error at its end or without one. */
  | 'torn-download'
  /** It takes up to a minute and a half, before or after the deed. */
  | 'slow';

/** Those that a client must get right. */
export const USUAL_FAULTS: readonly SimFault[] = [
  'lost-before',
  'lost-after',
  'late',
  'repeated',
  '429',
  '500',
  '503',
  'html',
  'half-list',
  'torn-download',
  'slow',
];

/** Read afresh for each request, so that whoever owns it may change the rate at any time. */
export interface SimFaults {
  readonly chance: Chance;
  /** How many of the requests meet a fault, from 0 to 1. */
  readonly rate: number;
  readonly kinds: readonly SimFault[];
  /** What every list of this folder meets at this moment; relative to the top. Undefined: none, or by chance. */
  readonly outage?: (folder: string) => SimFault | undefined;
}

export type RequestKind = 'list' | 'download' | 'info' | 'upload' | 'change';

export function pickFault(faults: SimFaults, kind: RequestKind): SimFault | undefined {
  const { chance, rate, kinds } = faults;
  if (rate <= 0 || !chance.hits(rate)) return undefined;
  const fitting = kinds.filter((fault) => fits(fault, kind));
  return fitting.length === 0 ? undefined : chance.pick(fitting);
}

function fits(fault: SimFault, kind: RequestKind): boolean {
  switch (fault) {
    case 'late':
    case 'repeated':
      return kind === 'upload' || kind === 'change';
    case 'half-list':
    case 'lying-list':
      return kind === 'list';
    case 'torn-download':
      return kind === 'download';
    default:
      return true;
  }
}

/** What the network gives instead of an answer; with `sent`, the request may have arrived. */
export function networkError(chance: Chance, sent: boolean): Error {
  const code = sent
    ? chance.pick(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'])
    : chance.pick(['ECONNRESET', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_SOCKET']);
  return codedError(code, 'the simulated network failed');
}

export function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The answer that comes instead of the deed; undefined for faults of another kind. */
export function answerInstead(
  fault: SimFault | undefined,
  behaviour: SimBehaviour,
  chance: Chance,
): SimAnswer | undefined {
  if (fault === '429') {
    const answer = tooMany(behaviour);
    const headers = chance.hits(0.5) ? { 'retry-after': String(1 + chance.below(10)) } : {};
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }
  if (fault === '500') return refused(behaviour, new Refusal(500, 'internal_error', 'Something went wrong.'));
  if (fault === '503') return refused(behaviour, new Refusal(503, 'unavailable', 'Try again later.'));
  if (fault === 'html') return page(200, 'Please wait.');
  return undefined;
}

export function tooMany(behaviour: SimBehaviour): SimAnswer {
  return refused(behaviour, new Refusal(429, 'rate_limit_exceeded', 'Too many requests.'));
}

export function page(status: number, text: string): SimAnswer {
  return { status, headers: { 'content-type': 'text/html' }, body: `<!doctype html><title>${text}</title>` };
}

/** A list as it arrives: broken off, or with entries left out. */
export function spoiltList(answer: SimAnswer, fault: 'half-list' | 'lying-list', chance: Chance): SimAnswer {
  if (answer.status !== 200 || typeof answer.body !== 'string') return answer;
  if (fault === 'half-list')
    return { ...answer, body: answer.body.slice(0, chance.below(answer.body.length)) };
  const told = JSON.parse(answer.body) as readonly unknown[] | { readonly data: readonly unknown[] };
  const lacking = (rows: readonly unknown[]) => {
    const gone = chance.below(Math.max(1, rows.length));
    return rows.filter((_, index) => index !== gone && !chance.hits(0.3));
  };
  const body = 'data' in told ? { ...told, data: lacking(told.data) } : lacking(told);
  return { ...answer, body: JSON.stringify(body) };
}
