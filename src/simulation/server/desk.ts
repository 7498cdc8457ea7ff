/** The server's side of one request: counted, admitted, done. */
import type { HttpRequest } from '../../remote/http.ts';
import { Refusal, type SimAnswer } from './answer.ts';
import type { SimBehaviour } from './behaviour.ts';
import type { Changes, Doer } from './changes.ts';
import type { Shelf } from './deeds.ts';
import type { RequestKind } from './faults.ts';
import type { RateLimit, RateVerdict } from './limit.ts';
import type { Listings } from './listings.ts';
import { type Address, readUrl } from './place.ts';
import { type Asked, answering, kindOf, perform, sentUpload } from './routes.ts';
import type { Act } from './store.ts';
import { type Growing, receiveBroken, receivePart, receiveWhole } from './upload.ts';

/** What all requests to one server share. */
export interface Desk {
  readonly workspaceId: string;
  readonly shelf: Shelf;
  readonly changes: Changes;
  readonly limit: RateLimit;
  /** Epoch milliseconds of the server's clock. */
  now(): number;
  schedule(atMs: number, deed: () => void): void;
  /** Called when a request arrives. */
  count(sentAt: number, at: number, verdict: RateVerdict | undefined): void;
  /** Called when a request sets out. */
  setsOut(letter: Letter): void;
  /** Called when a list was made. */
  listed(letter: Letter): void;
  /** Called when a file was read to be sent. */
  wasRead(letter: Letter): void;
  /** Called when a request that is to change something is over, done or refused. */
  changed(letter: Letter): void;
  /** Called when a client repeats a write of which it has no answer, without a look in between. */
  blind(letter: Letter): void;
}

/** A request on its way. */
export interface Letter {
  readonly client: number;
  readonly method: HttpRequest['method'];
  readonly headers: HttpRequest['headers'];
  /** Undefined for a URL that is no endpoint, or cannot be read. */
  readonly address: Address | undefined;
  readonly kind: RequestKind;
  /** Such as `GET /files/docs?showHidden=true`. */
  readonly what: string;
  /** Server time. */
  readonly sentAt: number;
  readonly listings: Listings;
  /** What the client knew when it sent this. */
  readonly mark: number;
  body: Buffer;
  /** Its sender is dead, gave it up or was told that it failed, before it was done. */
  givenUp: boolean;
}

const NOTHING = Buffer.alloc(0);

export function newLetter(desk: Desk, client: number, listings: Listings, request: HttpRequest): Letter {
  const address = addressOf(request.path);
  const start = request.path.indexOf('/', request.path.indexOf('/workspaces/') + '/workspaces/'.length);
  return {
    ...{ client, method: request.method, headers: request.headers, address },
    kind: kindOf(request.method, address),
    what: `${request.method} ${start < 0 ? request.path : request.path.slice(start)}`,
    ...{ sentAt: desk.now(), listings, mark: listings.mark(), body: NOTHING, givenUp: false },
  };
}

function addressOf(path: string): Address | undefined {
  try {
    return readUrl(path);
  } catch {
    return undefined;
  }
}

/** It has arrived: counts against the limit. */
export function admit(desk: Desk, letter: Letter): RateVerdict | undefined {
  const at = desk.now();
  const verdict = isRefusedAtDoor(desk, letter) ? undefined : desk.limit.take(at);
  desk.count(letter.sentAt, at, verdict);
  return verdict;
}

/** Done in one instant. */
export function doWhole(desk: Desk, letter: Letter): SimAnswer {
  const { shelf } = desk;
  return done(desk, letter, (asked, act) =>
    letter.kind === 'upload'
      ? receiveWhole(shelf, act, sentUpload(shelf, asked))
      : perform(shelf, asked, act),
  );
}

/** The first of two instants of an upload: so much of it has come, from 0 to 1. */
export function doPart(desk: Desk, letter: Letter, part: number): SimAnswer | Growing {
  const { shelf } = desk;
  return done(
    desk,
    letter,
    (asked, act) => receivePart(shelf, act, { ...sentUpload(shelf, asked), part }),
    true,
  );
}

/** The second. */
export function doRest(desk: Desk, letter: Letter, growing: Growing): SimAnswer {
  return done(desk, letter, (_, act) => growing.finish(act));
}

/** An upload of which no more than this comes. */
export function doBroken(desk: Desk, letter: Letter, came: Buffer): void {
  const { shelf } = desk;
  const broken = { ...letter, body: came };
  done<undefined>(
    desk,
    broken,
    (asked, act) => {
      receiveBroken(shelf, act, sentUpload(shelf, asked));
      return undefined;
    },
    true,
  );
}

function done<T>(
  desk: Desk,
  letter: Letter,
  deed: (asked: Asked, act: Act) => T,
  growing = false,
): T | SimAnswer {
  const { shelf, changes } = desk;
  return answering(shelf, () => {
    const { address, method, headers, body } = letter;
    if (isRefusedAtDoor(desk, letter)) throw unauthorized();
    if (address === undefined) throw new Refusal(404, 'not_found', 'There is no such endpoint.');
    if (address.workspace !== desk.workspaceId) {
      throw new Refusal(404, 'not_found', 'The workspace does not exist.');
    }
    const asked = { method, headers, address, body };
    const sentTo = letter.kind === 'upload' ? sentUpload(shelf, asked).parent.join('/') : undefined;
    return changes.doing(doerOf(letter, growing, sentTo), desk.now(), (act) => deed(asked, act));
  });
}

function doerOf(letter: Letter, growing: boolean, sentTo: string | undefined): Doer {
  return {
    client: letter.client,
    sentAt: letter.sentAt,
    growing,
    givenUp: letter.givenUp,
    sentTo,
    request: () =>
      letter.kind === 'change' ? `${letter.what} ${letter.body.toString('utf8', 0, 500)}` : letter.what,
    madeAt: (folder) => letter.listings.madeAt(folder),
    lastListedAt: (folder) => letter.listings.last(folder, letter.mark),
  };
}

function isRefusedAtDoor({ shelf }: Desk, { headers }: Letter): boolean {
  return keyOf(headers, shelf.behaviour.auth) === undefined;
}

function keyOf(headers: HttpRequest['headers'], accepted: SimBehaviour['auth']): string | undefined {
  const own = headers['x-api-key'];
  if (accepted !== 'bearer' && own !== undefined) return own === '' ? undefined : own;
  if (accepted === 'x-api-key') return undefined;
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
}

function unauthorized(): Refusal {
  return new Refusal(401, 'unauthorized', 'The API key is missing or not valid.');
}
