/** One request on its way: its body is read, it may be given up half-way, and what was sent of it may still arrive. */
import type { HttpRequest } from '../../remote/http.ts';
import type { Hands } from '../hands.ts';
import { admit, type Desk, doBroken, doRest, doWhole, type Letter } from './desk.ts';
import { codedError, type SimFault, type SimFaults } from './faults.ts';
import type { Unsure } from './unsure.ts';
import type { Growing } from './upload.ts';

export interface LineParts {
  readonly desk: Desk;
  readonly client: number;
  readonly hands: Hands;
  readonly faults: SimFaults;
  /** Told of every fault that is played. */
  readonly played: (fault: SimFault, letter: Letter) => void;
  /** Writes of this client whose outcome it does not know. */
  readonly unsure: Unsure;
}

export interface Trip {
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

/** Reads the body; one that breaks off makes a broken upload. */
export async function collect(parts: LineParts, trip: Trip, request: HttpRequest): Promise<void> {
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

/** Nobody hears it: who gave up has been told already. */
export function givenUp(): Error {
  return codedError('UND_ERR_ABORTED', 'given up');
}

export function pause({ desk, faults }: LineParts): Promise<void> {
  return new Promise((resolve) => {
    desk.schedule(desk.now() + 1_000 + faults.chance.below(90_000), resolve);
  });
}

/** The client is gone. What was on its way may still arrive, whole or in part, up to a few seconds later. */
export function breakOff({ desk, faults }: LineParts, trip: Trip): void {
  if (trip.over) return;
  trip.over = true;
  const { letter, stage, growing } = trip;
  const { chance } = faults;
  if (stage === 'done') return;
  letter.givenUp = true;
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
