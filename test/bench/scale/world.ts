/**
 * Many daemons, one key: each daemon has a gate of its own, knows nothing of the others, looks at its folders one after
 * the other for ever, has an edit now and then, and half-way through a part of a large push. The server counts in a
 * sliding minute.
 */
import type { Answered, Gate, RequestTicket } from '../../../src/lib/gate.ts';
import { createGate } from '../../../src/pace/queue.ts';
import { type ScaleClock, scaleClock } from './clock.ts';

export interface WorldOptions {
  readonly daemons: number;
  /** Requests a minute that the server allows, for all together. */
  readonly limit: number;
  readonly headers: boolean;
  /** Folders of each daemon. */
  readonly folders: number;
  /** Files of the push that all daemons together have half-way. */
  readonly files: number;
  readonly minutes: number;
  readonly seed: number;
}

export interface WorldFigures {
  /** Age of what is known of the folders at the half, before the push, in seconds; never looked at counts from the start. */
  readonly ages: readonly number[];
  /** Seconds from an edit to its last answer; those without an end by their age. */
  readonly edits: readonly number[];
  /** Seconds until the last file of the push was up; undefined: it was not at the end. */
  readonly drained: number | undefined;
  readonly pushed: number;
  /** Jain's index of the requests served to each daemon in the second quarter, when all want the same: 1 is equal. */
  readonly fairness: number;
  /** Accepted requests per minute over the limit, second quarter. */
  readonly used: number;
  /** Refused and all requests, in the first quarter and after it. */
  readonly atStart: readonly [refused: number, all: number];
  readonly later: readonly [refused: number, all: number];
}

const MINUTE = 60_000;
const LOOK: RequestTicket = { lane: 'metadata', label: 'list', growth: false, discovery: true };
const FILE: RequestTicket = { lane: 'transfer', label: 'upload', growth: true };
const EDIT: RequestTicket = { ...FILE, urgent: true };
/** Edits take this part of the limit, for all daemons together, two requests each. */
const EDITS_PART = 0.02;

interface World {
  readonly clock: ScaleClock;
  readonly random: () => number;
  readonly server: Server;
  readonly edits: { readonly at: number; done: number | undefined }[];
  push: { left: number; readonly begun: number; done: number | undefined } | undefined;
}

interface Daemon {
  readonly gate: Gate;
  readonly looked: Float64Array;
  served: number;
}

export async function play(options: WorldOptions): Promise<WorldFigures> {
  const clock = scaleClock();
  const random = seeded(options.seed);
  const world: World = { clock, random, server: serverOf(clock, options), edits: [], push: undefined };
  const daemons = Array.from({ length: options.daemons }, () => start(world, options));
  const quarter = (options.minutes / 4) * MINUTE;

  await clock.runUntil(quarter);
  const atStart = [world.server.refused, world.server.all] as const;
  for (const daemon of daemons) daemon.served = 0;
  const accepted = world.server.all - world.server.refused;
  await clock.runUntil(2 * quarter);
  const fairness = jain(daemons.map((one) => one.served));
  const used = (world.server.all - world.server.refused - accepted) / (quarter / MINUTE) / options.limit;
  const ages = daemons.flatMap((one) => Array.from(one.looked, (at) => (clock.monotonic() - at) / 1000));

  const push = { left: options.files, begun: clock.monotonic(), done: undefined as number | undefined };
  world.push = push;
  for (const [i, daemon] of daemons.entries()) void upload(world, daemon, shareOf(options, i));
  await clock.runUntil(4 * quarter);
  const end = clock.monotonic();
  return {
    ages,
    edits: world.edits.map(({ at, done }) => ((done ?? end) - at) / 1000),
    drained: push.done === undefined ? undefined : (push.done - push.begun) / 1000,
    pushed: options.files - push.left,
    fairness,
    used,
    atStart,
    later: [world.server.refused - atStart[0], world.server.all - atStart[1]],
  };
}

function start(world: World, options: WorldOptions): Daemon {
  const { clock } = world;
  const gate = createGate({
    limitPerMinute: options.headers ? undefined : options.limit,
    clock,
    random: seeded(1 + Math.floor(world.random() * 1e9)),
  });
  const daemon: Daemon = { gate, looked: new Float64Array(options.folders), served: 0 };
  void sweep(world, daemon);
  void edit(world, daemon, (2 * options.daemons * MINUTE) / (EDITS_PART * options.limit));
  return daemon;
}

/** Begins within the first minute, as after a power cut. */
async function sweep(world: World, daemon: Daemon): Promise<void> {
  const { clock } = world;
  await clock.sleep(world.random() * MINUTE);
  for (;;) {
    for (let folder = 0; folder < daemon.looked.length; folder += 4) await lookAt(world, daemon, folder);
    await clock.sleep(1000);
  }
}

/** A few lists at once. */
async function lookAt(world: World, daemon: Daemon, from: number): Promise<void> {
  const group = Array.from(daemon.looked.subarray(from, from + 4), (_, i) => from + i);
  await Promise.all(
    group.map(async (folder) => {
      if (await send(world, daemon, LOOK)) daemon.looked[folder] = world.clock.monotonic();
    }),
  );
}

/** `everyMs`: between two edits, on the average. */
async function edit(world: World, daemon: Daemon, everyMs: number): Promise<void> {
  const { clock } = world;
  for (;;) {
    await clock.sleep(-Math.log(1 - world.random()) * everyMs);
    const one = { at: clock.monotonic(), done: undefined as number | undefined };
    world.edits.push(one);
    await send(world, daemon, EDIT);
    await send(world, daemon, EDIT);
    one.done = clock.monotonic();
  }
}

async function upload(world: World, daemon: Daemon, files: number): Promise<void> {
  let begun = 0;
  const hand = async (): Promise<void> => {
    while (begun < files) {
      begun += 1;
      await send(world, daemon, FILE);
      if (world.push === undefined) return;
      world.push.left -= 1;
      if (world.push.left === 0) world.push.done = world.clock.monotonic();
    }
  };
  await Promise.all(Array.from({ length: Math.min(files, 16) }, hand));
}

function shareOf({ files, daemons }: WorldOptions, i: number): number {
  return Math.floor((files * (i + 1)) / daemons) - Math.floor((files * i) / daemons);
}

/** One request until it is through: who is refused too often tries again, as the next cycle would. */
async function send(world: World, daemon: Daemon, ticket: RequestTicket): Promise<boolean> {
  for (;;) {
    const answered = await daemon.gate.run(ticket, () => world.server.send()).catch(() => undefined);
    if (answered === undefined) continue;
    daemon.served += 1;
    return true;
  }
}

interface Server {
  send(): Promise<Answered>;
  readonly refused: number;
  readonly all: number;
}

function serverOf(clock: ScaleClock, { limit, headers, seed }: WorldOptions): Server {
  const random = seeded(seed + 7);
  let accepted: number[] = [];
  let oldest = 0;
  let [refused, all] = [0, 0];

  const used = (): number => {
    while ((accepted[oldest] ?? Number.POSITIVE_INFINITY) <= clock.now() - MINUTE) oldest += 1;
    if (oldest > 10_000) [accepted, oldest] = [accepted.slice(oldest), 0];
    return accepted.length - oldest;
  };
  return {
    async send() {
      await clock.sleep(20 + random() * 60);
      all += 1;
      const status = used() >= limit ? 429 : 200;
      if (status === 429) refused += 1;
      else accepted.push(clock.now());
      const told = {
        'x-ratelimit-limit': String(limit),
        'x-ratelimit-remaining': String(limit - used()),
        'x-ratelimit-reset': String(Math.ceil(((accepted[oldest] ?? clock.now()) + MINUTE) / 1000)),
      };
      await clock.sleep(20 + random() * 60);
      return { status, headers: headers ? told : {} };
    },
    get refused() {
      return refused;
    },
    get all() {
      return all;
    },
  };
}

function jain(counts: readonly number[]): number {
  const sum = counts.reduce((a, b) => a + b, 0);
  const squares = counts.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : sum ** 2 / (counts.length * squares);
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
