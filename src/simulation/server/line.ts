/**
 * The line from one process to the server: what becomes of a request between its sending and its answer. A request
 * travels, is done in one instant (a growing upload in two), and its answer travels. When the process dies or gives up
 * before the deed, chance decides whether the server still receives it, and how much of it.
 */
import type { Http, HttpAnswer, HttpRequest } from '../../remote/http.ts';
import type { SimAnswer } from './answer.ts';
import { answerOf } from './delivery.ts';
import { admit, doPart, doRest, doWhole, type Letter, newLetter } from './desk.ts';
import {
  answerInstead,
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
import { folderOf } from './place.ts';
import { breakOff, collect, givenUp, type LineParts, pause, type Trip } from './trip.ts';
import { createUnsure } from './unsure.ts';

export interface Line {
  readonly http: Http;
  /** The process at its end is dead. */
  died(): void;
  /** Whether it died before it had a list of the folder that was made at this server time or later. */
  diedUnaware(folder: string, since: number): boolean;
}

/** What the client gets in the end. */
type End = { readonly error: Error } | { readonly answer: SimAnswer; readonly doneAt: number };

export function createLine(of: Omit<LineParts, 'unsure'>): Line {
  const parts: LineParts = { ...of, unsure: createUnsure() };
  const trips = new Set<Trip>();
  const listings = createListings();
  let dead = false;
  return {
    http: {
      send: (request) => sendOn(parts, listings, trips, request),
      close: async () => {},
    },
    died() {
      dead = true;
      for (const trip of trips) breakOff(parts, trip);
      trips.clear();
    },
    diedUnaware: (folder, since) => {
      const last = listings.last(folder, Number.POSITIVE_INFINITY);
      return dead && (last === undefined || last < since);
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
      if (trip.stage !== 'collecting') parts.unsure.lost(trip.letter, parts.desk.now());
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
  parts.desk.setsOut(letter);
  if (parts.unsure.isBlind(letter)) parts.desk.blind(letter);
  const fault = faultOf(parts, letter);
  if (fault !== undefined) parts.played(fault, letter);
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
  // What the server refused at its door comes to nothing later either, and the client is told so.
  if (fault === 'lost-after' || (fault === 'late' && 'error' in end))
    parts.unsure.lost(letter, parts.desk.now());
  const final = await hands.later('answer', letter.what, () => arrived(parts, trip, end, fault));
  if ('error' in final) throw final.error;
  return answerOf(final.answer, {
    fault,
    faults,
    headers: headersOf(trip, final.answer, final.doneAt),
    signal: request.signal,
  });
}

/** A folder whose lists fail for a while fails them all; else it is for chance to say. */
function faultOf({ faults, desk }: LineParts, { kind, address }: Letter): SimFault | undefined {
  const standing =
    kind === 'list' && address !== undefined
      ? faults.outage?.(folderOf(address, desk.shelf.behaviour.pathEncoding))
      : undefined;
  return standing ?? pickFault(faults, kind);
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
    letter.givenUp = true;
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
    const answer = doWhole(desk, letter);
    if (letter.kind === 'list' && answer.status === 200) desk.listed(letter);
    if (letter.kind === 'download' && answer.status === 200) desk.wasRead(letter);
    if (letter.kind === 'change') desk.changed(letter);
    return { answer, doneAt };
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
  if ('answer' in end && end.answer.source !== undefined) return { ...end, answer: streamed(end.answer) };
  if ('answer' in end && end.answer.status === 200 && fault !== 'html') noteMade(parts, letter);
  // That there is no such folder is an answer as well.
  if ('answer' in end && (fault ?? 'slow') === 'slow' && ![400, 401, 429].includes(end.answer.status))
    looked(parts, letter);
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

function looked({ desk, unsure }: LineParts, { kind, address, sentAt }: Letter): void {
  if (kind !== 'list' || address === undefined || !unsure.isAny) return;
  unsure.listed(folderOf(address, desk.shelf.behaviour.pathEncoding), sentAt);
}

/** A folder that the client made itself, or believes so: some servers say the same where it was there before. */
function noteMade({ desk }: LineParts, letter: Letter): void {
  if (letter.method !== 'POST' || letter.kind !== 'change' || letter.address === undefined) return;
  const { name } = JSON.parse(letter.body.toString('utf8')) as { readonly name: string };
  const above = folderOf(letter.address, desk.shelf.behaviour.pathEncoding);
  letter.listings.made(above === '' ? name : `${above}/${name}`, letter.sentAt);
}

/** The second half is what the file holds by now: who wrote into it meanwhile made a mix. */
function streamed({ source, ...answer }: SimAnswer): SimAnswer {
  const { body } = answer;
  if (source === undefined || typeof body === 'string' || source.bytes === body) return answer;
  const half = Math.ceil(body.length / 2);
  return {
    ...answer,
    body: Buffer.concat([body.subarray(0, half), source.bytes.subarray(half, body.length)]),
  };
}

function heard({ desk }: LineParts, { address, listings }: Letter, doneAt: number): void {
  // Of a list in pages the first counts: nothing in it is known to be younger.
  if (address === undefined || address.query.has('cursor')) return;
  listings.heard(folderOf(address, desk.shelf.behaviour.pathEncoding), doneAt);
}

function headersOf(trip: Trip, answer: SimAnswer, doneAt: number): Record<string, string> {
  return { date: new Date(doneAt).toUTCString(), ...trip.rate, ...answer.headers };
}
