/**
 * The line from one process to the server: what becomes of a request between its sending and its answer. A request
 * travels, is done in one instant (a growing upload in two), and its answer travels. When the process dies or gives up
 * before the deed, chance decides whether the server still receives it, and how much of it.
 */
import type { Http, HttpAnswer, HttpRequest } from '../../remote/http.ts';
import type { Hands } from '../hands.ts';
import type { SimAnswer } from './answer.ts';
import { answerOf } from './delivery.ts';
import { admit, type Desk, doBroken, doPart, doRest, doWhole, type Letter, newLetter } from './desk.ts';
import {
  answerInstead,
  codedError,
  networkError,
  page,
  pickFault,
  type SimFault,
  type SimFaults,
  spoiltList,
  tooMany,
} from './faults.ts';
import { rateHeaders } from './limit.ts';
import { createListings, type Listings } from './listings.ts';
import { placeOf } from './place.ts';
import type { Growing } from './upload.ts';

export interface Line {
  readonly http: Http;
  /** The process at its end is dead. */
  died(): void;
}

export interface LineParts {
  readonly desk: Desk;
  readonly client: number;
  readonly hands: Hands;
  readonly faults: SimFaults;
  /** Told of every fault that is played. */
  readonly played: (fault: SimFault) => void;
}

interface Trip {
  readonly letter: Letter;
  /** How far it came: its body is being read, it travels, part of it has arrived, the deed is done. */
  stage: 'collecting' | 'travelling' | 'half' | 'done';
  /** Nobody waits for it any more, and nothing more is done for it by the process. */
  over: boolean;
  collected: Buffer[];
  growing: Growing | undefined;
  /** What the server tells of its rate. */
  rate: Record<string, string>;
}

/** What the client gets in the end. */
type End = { readonly error: Error } | { readonly answer: SimAnswer; readonly doneAt: number };

export function createLine(parts: LineParts): Line {
  const trips = new Set<Trip>();
  const listings = createListings();
  return {
    http: {
      send: (request) => sendOn(parts, listings, trips, request),
      close: async () => {},
    },
    died() {
      for (const trip of trips) breakOff(parts, trip);
      trips.clear();
    },
  };
}

function sendOn(
  parts: LineParts,
  listings: Listings,
  trips: Set<Trip>,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const { signal } = request;
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  const letter = newLetter(parts.desk, parts.client, listings, request);
  const trip: Trip = {
    letter,
    stage: 'collecting',
    over: false,
    collected: [],
    growing: undefined,
    rate: {},
  };
  trips.add(trip);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      trips.delete(trip);
      breakOff(parts, trip);
      reject(signal?.reason);
    };
    const settled = (): void => {
      trips.delete(trip);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    travel(parts, trip, request).then(
      (answer) => {
        settled();
        resolve(answer);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}

async function travel(parts: LineParts, trip: Trip, request: HttpRequest): Promise<HttpAnswer> {
  const { hands, faults } = parts;
  const { letter } = trip;
  await collect(parts, trip, request);
  trip.stage = 'travelling';
  const fault = pickFault(faults, letter.kind);
  if (fault !== undefined) parts.played(fault);
  const slowBefore = fault === 'slow' && faults.chance.hits(0.5);
  if (slowBefore) await pause(parts);
  let end = await there(parts, trip, () => arrive(parts, trip, fault));
  if (trip.growing !== undefined) end = await there(parts, trip, () => complete(parts, trip));
  if (fault === 'repeated' && 'answer' in end && end.answer.status !== 429) {
    trip.stage = 'travelling';
    end = await there(parts, trip, () => act(parts, trip));
    if (trip.growing !== undefined) end = await there(parts, trip, () => complete(parts, trip));
  }
  if (fault === 'slow' && !slowBefore) await pause(parts);
  if (fault === 'lost-after' && 'answer' in end) end = { ...end, ...lostAfter(faults) };
  const final = await hands.later('answer', letter.what, () => arrived(parts, trip, end, fault));
  if ('error' in final) throw final.error;
  return answerOf(final.answer, {
    fault,
    faults,
    headers: headersOf(trip, final.answer, final.doneAt),
    signal: request.signal,
  });
}

/** Reads the body; one that breaks off makes a broken upload. */
async function collect(parts: LineParts, trip: Trip, request: HttpRequest): Promise<void> {
  const { body } = request;
  const { letter, collected } = trip;
  if (body === undefined) return;
  if (Buffer.isBuffer(body)) collected.push(body);
  else {
    try {
      for await (const chunk of body) {
        if (trip.over) throw givenUp();
        collected.push(Buffer.from(chunk as Uint8Array));
      }
    } catch (error) {
      await sendBroken(parts, trip);
      throw error;
    }
  }
  letter.body = collected.length === 1 ? (collected[0] as Buffer) : Buffer.concat(collected);
  const told = request.headers['content-length'];
  if (told === undefined || Number(told) === letter.body.length) return;
  await sendBroken(parts, trip);
  throw codedError('UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'the body is not as long as its header says');
}

async function sendBroken(parts: LineParts, trip: Trip): Promise<void> {
  const { desk, hands } = parts;
  const { letter, collected } = trip;
  await hands.later('request', `${letter.what} (broken off)`, () => {
    if (trip.over) return;
    trip.stage = 'done';
    admit(desk, letter);
    if (letter.kind === 'upload') doBroken(desk, letter, Buffer.concat(collected));
  });
}

/** Something happens on the server, unless nobody is behind it any more. */
async function there(parts: LineParts, trip: Trip, deed: () => End): Promise<End> {
  return parts.hands.later('request', trip.letter.what, () => (trip.over ? { error: givenUp() } : deed()));
}

function arrive(parts: LineParts, trip: Trip, fault: SimFault | undefined): End {
  const { desk, faults } = parts;
  const { letter } = trip;
  const { behaviour } = desk.shelf;
  if (fault === 'lost-before') {
    trip.stage = 'done';
    return { error: networkError(faults.chance, false) };
  }
  const verdict = admit(desk, letter);
  trip.rate = rateHeaders(behaviour, verdict, desk.now());
  const told = (answer: SimAnswer): End => ({ answer, doneAt: desk.now() });
  trip.stage = 'done';
  if (verdict?.admitted === false) return told(tooMany(behaviour));
  const instead = answerInstead(fault, behaviour, faults.chance);
  if (instead !== undefined) return told(instead);
  if (fault === 'late') {
    desk.schedule(desk.now() + 2_000 + faults.chance.below(300_000), () => doWhole(desk, letter));
    return { error: networkError(faults.chance, true) };
  }
  return act(parts, trip);
}

/** The deed itself, or its first half. */
function act(parts: LineParts, trip: Trip): End {
  const { desk, faults } = parts;
  const { letter } = trip;
  trip.stage = 'done';
  trip.growing = undefined;
  const doneAt = desk.now();
  if (letter.kind !== 'upload' || !desk.shelf.behaviour.growingUploads) {
    return { answer: doWhole(desk, letter), doneAt };
  }
  const begun = doPart(desk, letter, faults.chance.next());
  if ('status' in begun) return { answer: begun, doneAt };
  trip.stage = 'half';
  trip.growing = begun;
  return { answer: { status: 200, headers: {}, body: '' }, doneAt };
}

/** The rest of a growing upload. */
function complete(parts: LineParts, trip: Trip): End {
  const { growing, letter } = trip;
  if (growing === undefined) throw new Error('nothing is growing');
  trip.stage = 'done';
  trip.growing = undefined;
  return { answer: doRest(parts.desk, letter, growing), doneAt: parts.desk.now() };
}

function lostAfter({ chance }: SimFaults): { readonly error: Error } | { readonly answer: SimAnswer } {
  return chance.hits(0.3) ? { answer: page(502, 'Bad gateway') } : { error: networkError(chance, true) };
}

/** The client has the answer: what it now knows of a folder is noted. */
function arrived(parts: LineParts, trip: Trip, end: End, fault: SimFault | undefined): End {
  const { letter } = trip;
  if (trip.over) return { error: givenUp() };
  if (!('answer' in end) || letter.kind !== 'list' || end.answer.status !== 200) return end;
  if (fault === 'half-list' || fault === 'lying-list') {
    const answer = spoiltList(end.answer, fault, parts.faults.chance);
    if (fault === 'half-list') return { ...end, answer };
    heard(parts, letter, end.doneAt);
    return { ...end, answer };
  }
  if (fault !== 'html') heard(parts, letter, end.doneAt);
  return end;
}

function heard({ desk }: LineParts, { address, listings }: Letter, doneAt: number): void {
  // Of a list in pages the first counts: nothing in it is known to be younger.
  if (address === undefined || address.query.has('cursor')) return;
  listings.heard(placeOf(address.rest, desk.shelf.behaviour.pathEncoding).join('/'), doneAt);
}

function headersOf(trip: Trip, answer: SimAnswer, doneAt: number): Record<string, string> {
  return { date: new Date(doneAt).toUTCString(), ...trip.rate, ...answer.headers };
}

/** Nobody hears it: who gave up has been told already. */
function givenUp(): Error {
  return codedError('UND_ERR_ABORTED', 'given up');
}

function pause({ desk, faults }: LineParts): Promise<void> {
  return new Promise((resolve) => {
    desk.schedule(desk.now() + 1_000 + faults.chance.below(90_000), resolve);
  });
}

/** The client is gone. What was on its way may still arrive, whole or in part, up to a few seconds later. */
function breakOff({ desk, faults }: LineParts, trip: Trip): void {
  if (trip.over) return;
  trip.over = true;
  const { letter, stage, growing } = trip;
  const { chance } = faults;
  if (stage === 'done') return;
  const soon = (deed: () => void) => desk.schedule(desk.now() + chance.below(1_500), deed);
  const received = (deed: () => void) =>
    soon(() => {
      if (admit(desk, letter)?.admitted !== false) deed();
    });
  const came = (bytes: Buffer) => {
    if (letter.kind === 'upload') received(() => doBroken(desk, letter, bytes));
  };
  if (!chance.hits(0.7)) return;
  if (stage === 'half') {
    if (growing !== undefined) soon(() => doRest(desk, letter, growing));
  } else if (stage === 'collecting') came(Buffer.concat(trip.collected));
  else if (chance.hits(0.7)) received(() => doWhole(desk, letter));
  else came(letter.body.subarray(0, chance.below(letter.body.length + 1)));
}
