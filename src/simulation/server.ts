/**
 * The storage service of the simulated world: one workspace in memory, asked through `Http` as the real one is, in
 * every behaviour that the protocol leaves open, over a network that loses, repeats and delays. Nothing here takes
 * time or chance of its own: deeds happen when the hands of a process say, faults when the given chance says. It
 * shares no code with `rtsync serve` or with the client, so that a wrong belief of one is not shared by the others;
 * tests hold it against `rtsync serve`.
 */
import type { Http } from '../remote/http.ts';
import type { Hands } from './hands.ts';
import { createAgent, type SimAgent } from './server/agent.ts';
import { defaultSimBehaviour, type SimBehaviour } from './server/behaviour.ts';
import { createChanges, type SimServerChange } from './server/changes.ts';
import type { Desk, Letter } from './server/desk.ts';
import type { SimFault, SimFaults } from './server/faults.ts';
import { createRateLimit } from './server/limit.ts';
import { createLine, type Line } from './server/line.ts';
import { moveNamed, pathsNamed } from './server/named.ts';
import { folderOf } from './server/place.ts';
import { bytesIn, filesIn, newFolder, type SimFolder } from './server/store.ts';

export interface SimServerOptions {
  /** Epoch milliseconds of the server's clock. Must not go back. */
  readonly now: () => number;
  /** Runs the deed at a time of that clock, whoever is alive then; deeds of one time in the order of the calls. */
  readonly schedule: (atMs: number, deed: () => void) => void;
  readonly workspaceId: string;
  readonly behaviour?: Partial<SimBehaviour>;
  /** Bytes of all files. Default: no limit. */
  readonly capacityBytes?: number;
  /** Largest file of one upload in bytes. Default 100,000,000. */
  readonly uploadLimitBytes?: number;
  /** Requests in any span of 60 s. Default: no limit. */
  readonly limitPerMinute?: number;
}

export interface SimServerList {
  /** Number of the client that asked. */
  readonly client: number;
  /** Relative to the top. */
  readonly folder: string;
  /** Server time of the youngest list of a folder whose answer this client had before. */
  heardOf(folder: string): number | undefined;
}

/** A batch of entries that a request was to move or copy into another folder. Paths are relative to the top. */
export interface SimServerMove {
  readonly operation: 'move' | 'copy';
  /** Number of the client that asked. */
  readonly client: number;
  readonly ids: readonly string[];
  readonly target: string;
}

/** A file that was sent to a client. The path is relative to the top. */
export interface SimServerRead {
  readonly client: number;
  readonly path: string;
}

export interface SimServer {
  /** May be changed at any time. */
  readonly behaviour: SimBehaviour;
  /** The server as one process sees it; clients are numbered from 1. */
  http(hands: Hands, faults: SimFaults): Http;
  /** To be called when a process dies: what it had sent may still arrive, by chance. */
  died(hands: Hands): void;
  /** The client that this process is, once it has begun to ask. */
  clientOf(hands: Hands): number | undefined;
  /** Whether this client's process died before it had a list of the folder that was made at this server time or later. */
  diedUnaware(client: number, folder: string, since: number): boolean;
  readonly agent: SimAgent;
  /** Told of every name outside `/.rtsync` that a request changed. Gives the way to stop listening. */
  onChange(listener: (change: SimServerChange) => void): () => void;
  /** Told of every request when it sets out, with the paths that it names. */
  onRequest(listener: (paths: readonly string[]) => void): void;
  /** Told of each list in the moment in which it is made. */
  onList(listener: (list: SimServerList) => void): void;
  /** Told of each download in the moment in which the file is read. */
  onRead(listener: (read: SimServerRead) => void): void;
  /** Told of each move or copy of a batch in the moment in which it was done or refused, while its sender may wait for it. */
  onMove(listener: (move: SimServerMove) => void): void;
  /** Told of each upload or new folder that a client repeats though it has no answer and did not look. */
  onBlindRetry(listener: (request: string) => void): void;
  /** Every file, rtsync's own included, by its path without a leading slash. */
  holds(): Iterable<{ readonly path: string; readonly bytes: Uint8Array }>;
  /** Server times at which requests arrived, refused ones included; a proxy's repetition does not count. */
  readonly requestTimes: readonly number[];
  /** Server times at which the same requests were sent. */
  readonly sentTimes: readonly number[];
  /** Requests that were over the limit. */
  readonly limited: number;
  /**
   * Whether a request met a fault at this server time or later; always so since one met it that was to find out how
   * the server behaves, since what was found may be wrong.
   */
  metTroubleSince(at: number): boolean;
  /** Faults that were played, by kind. */
  readonly played: Readonly<Partial<Record<SimFault, number>>>;
}

export function createSimServer(options: SimServerOptions): SimServer {
  const top = newFolder(options.now());
  const behaviour: SimBehaviour = { ...defaultSimBehaviour(), ...options.behaviour };
  const changes = createChanges(top);
  const figures = createFigures(options.now);
  const blindListeners: ((request: string) => void)[] = [];
  const requestListeners: ((paths: readonly string[]) => void)[] = [];
  const listListeners: ((list: SimServerList) => void)[] = [];
  const readListeners: ((read: SimServerRead) => void)[] = [];
  const moveListeners: ((move: SimServerMove) => void)[] = [];
  const desk: Desk = {
    workspaceId: options.workspaceId,
    shelf: {
      ...{ top, behaviour, uploadLimitBytes: options.uploadLimitBytes ?? 100_000_000 },
      room: () => roomIn(top, options.capacityBytes),
    },
    changes,
    limit: createRateLimit(options.limitPerMinute),
    now: options.now,
    schedule: options.schedule,
    count: figures.count,
    setsOut: (letter) => {
      for (const listener of requestListeners) listener(pathsNamed(letter));
    },
    listed: ({ client, address, listings }) => {
      if (address === undefined) return;
      const folder = folderOf(address, behaviour.pathEncoding);
      const heardOf = (of: string): number | undefined => listings.last(of, Number.POSITIVE_INFINITY);
      for (const listener of listListeners) listener({ client, folder, heardOf });
    },
    wasRead: (letter) => {
      for (const path of pathsNamed(letter))
        for (const listener of readListeners) listener({ client: letter.client, path });
    },
    changed: (letter) => {
      const move = moveNamed(letter);
      if (move === undefined) return;
      for (const listener of moveListeners) listener({ client: letter.client, ...move });
    },
    blind: ({ what }) => {
      for (const listener of blindListeners) listener(what);
    },
  };
  const lines = new Map<Hands, Line[]>();
  /** By number of the client, from 1. */
  const all: Line[] = [];
  return {
    behaviour,
    http(hands, faults) {
      const line = createLine({ desk, client: all.length + 1, hands, faults, played: figures.play });
      all.push(line);
      lines.set(hands, [...(lines.get(hands) ?? []), line]);
      return line.http;
    },
    died(hands) {
      for (const line of lines.get(hands) ?? []) line.died();
      lines.delete(hands);
    },
    clientOf: (hands) => {
      const line = lines.get(hands)?.at(-1);
      return line === undefined ? undefined : all.indexOf(line) + 1;
    },
    diedUnaware: (client, folder, since) => all[client - 1]?.diedUnaware(folder, since) === true,
    agent: createAgent(top, options.now),
    onChange: changes.listen,
    onRequest: (listener) => {
      requestListeners.push(listener);
    },
    onList: (listener) => {
      listListeners.push(listener);
    },
    onRead: (listener) => {
      readListeners.push(listener);
    },
    onMove: (listener) => {
      moveListeners.push(listener);
    },
    onBlindRetry: (listener) => {
      blindListeners.push(listener);
    },
    *holds() {
      for (const { path, file } of filesIn(top, '')) yield { path, bytes: file.bytes };
    },
    ...figures.shown,
    metTroubleSince: figures.metTroubleSince,
    get limited() {
      return figures.limited;
    },
  };
}

/** In the requests of a probe. */
const PROBING = '/.rtsync/probe-';

function createFigures(now: () => number) {
  const shown = {
    requestTimes: [] as number[],
    sentTimes: [] as number[],
    played: {} as Partial<Record<SimFault, number>>,
  };
  let lastFaultAt = Number.NEGATIVE_INFINITY;
  const figures = {
    shown,
    metTroubleSince: (at: number): boolean => lastFaultAt >= at,
    limited: 0,
    count: ((sentAt, at, verdict) => {
      shown.sentTimes.push(sentAt);
      shown.requestTimes.push(at);
      if (verdict?.admitted === false) figures.limited += 1;
    }) satisfies Desk['count'] as Desk['count'],
    play(fault: SimFault, { what }: Letter): void {
      lastFaultAt = what.includes(PROBING) ? Number.POSITIVE_INFINITY : Math.max(lastFaultAt, now());
      shown.played[fault] = (shown.played[fault] ?? 0) + 1;
    },
  };
  return figures;
}

function roomIn(top: SimFolder, capacity: number | undefined): number {
  return capacity === undefined ? Number.POSITIVE_INFINITY : capacity - bytesIn(top);
}
