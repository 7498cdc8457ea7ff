/** The same random requests to `rtsync serve` and to the simulated server: same answers, same trees. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { createHttp, type Http } from '../../../src/remote/http.ts';
import { createStorageClient, type StorageClient } from '../../../src/remote/runtools/client.ts';
import { type DirId, type EntryId, TOP } from '../../../src/remote/runtools/ids.ts';
import { probeServer } from '../../../src/remote/runtools/probe.ts';
import type { Behaviour } from '../../../src/serve/behaviour.ts';
import { createChance } from '../../../src/simulation/chance.ts';
import type { Chance } from '../../../src/simulation/hands.ts';
import type { SimBehaviour } from '../../../src/simulation/server/behaviour.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';
import { type HandClock, handClock, openGate } from '../remote/support.ts';
import { type SimBench, START, simBench, WORKSPACE } from './server-world.ts';

/** Any other seed must do as well. */
const SEED = process.env.SEED ?? '20261122';
const SEQUENCES = Number(process.env.RUNS ?? 6);
const CALLS = 40;

interface Case {
  readonly name: string;
  readonly behaviour: Partial<SimBehaviour>;
  readonly quotaBytes?: number;
}

const CASES: readonly Case[] = [
  { name: 'the usual', behaviour: {} },
  { name: 'takenName rename', behaviour: { takenName: 'rename' } },
  { name: 'takenName refuse', behaviour: { takenName: 'refuse' } },
  {
    name: 'moves that rename, uploads that overwrite',
    behaviour: { takenName: 'overwrite', takenMove: 'rename' },
  },
  {
    name: 'moves that overwrite, uploads that refuse',
    behaviour: { takenName: 'refuse', takenMove: 'overwrite' },
  },
  { name: 'growing uploads', behaviour: { growingUploads: true } },
  { name: 'growing uploads that rename', behaviour: { growingUploads: true, takenName: 'rename' } },
  { name: 'hidden dot files, missing as 500', behaviour: { showHidden: 'ignored', missingFolder: 500 } },
  {
    name: 'the other dialect',
    behaviour: { dialect: 'alternative', pathEncoding: 'whole', putAnswer: 'empty', auth: 'bearer' },
  },
  {
    name: 'coarse dates',
    behaviour: { dateGrainMs: 1000, moveDate: 'new', missingFolder: 'empty', dateSkewMs: -5_400_000 },
  },
  {
    name: 'batches that skip, missing told as 500',
    behaviour: { badBatch: 'skips', deleteMissing: 404, statusForMissing: 500, errorShape: 'plain-string' },
  },
  {
    name: 'batches that stop at what is missing',
    behaviour: { deleteMissing: 404, errorShape: 'text', folderHints: 'meaningless' },
  },
  { name: 'stray folders and made parents', behaviour: { takenFolder: 'stray', missingParent: 'created' } },
  { name: 'pages', behaviour: { filePageSize: 3, pathInfo: 'wrong' } },
  { name: 'a small storage', behaviour: { pathInfo: 'shallow' }, quotaBytes: 90 },
];

function served({ dateGrainMs, ranges, ...rest }: Partial<SimBehaviour>): Partial<Behaviour> {
  const parts = ranges === 'honoured' ? 'honoured' : 'ignored';
  return { retryAfter: true, ...rest, ranges: parts, dateFormat: dateGrainMs === 1000 ? 'seconds' : 'iso' };
}

interface Two {
  readonly real: { readonly server: TestServer; readonly clock: HandClock; readonly http: Http };
  readonly sim: SimBench;
  clients(): readonly [StorageClient, StorageClient];
  close(): Promise<void>;
}

async function both({ behaviour, quotaBytes }: Omit<Case, 'name'>, limit?: number): Promise<Two> {
  const clock = handClock(START);
  const server = await startTestServer({
    clock,
    behaviour: served(behaviour),
    uploadLimitBytes: 60,
    ...(limit === undefined ? {} : { rateLimit: limit }),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
  });
  const http = createHttp();
  const sim = simBench({
    behaviour,
    uploadLimitBytes: 60,
    ...(limit === undefined ? {} : { limitPerMinute: limit }),
    ...(quotaBytes === undefined ? {} : { capacityBytes: quotaBytes }),
  });
  const pathEncoding = behaviour.pathEncoding ?? 'segments';
  return {
    real: { server, clock, http },
    sim,
    clients: () => [
      createStorageClient({
        ...{ http, gate: openGate(), clock, origin: server.origin, key: server.key, pathEncoding },
        workspaceId: server.workspaceId,
      }),
      sim.client().variant({ pathEncoding }),
    ],
    close: async () => {
      await http.close();
      await server.close();
    },
  };
}

const NAMES = ['a', 'b', 'c.txt', 'd.tar.gz', '.dot', 'ü n%', 'a', 'b'];

/** Also places that are not there. */
function drawDir(chance: Chance): DirId {
  const depth = chance.below(3);
  if (depth === 0) return TOP;
  return `/${Array.from({ length: depth }, () => chance.pick(NAMES)).join('/')}` as EntryId;
}

const drawId = (chance: Chance): EntryId => {
  const dir = drawDir(chance);
  return `${dir === TOP ? '' : dir}/${chance.pick(NAMES)}` as EntryId;
};

const drawIds = (chance: Chance): EntryId[] =>
  Array.from({ length: 1 + chance.below(3) }, () => drawId(chance));

type Call = (client: StorageClient) => Promise<unknown>;

/** Enough for the rest to find something. */
function firstCall(chance: Chance, index: number): readonly [string, Call] {
  const [dir, name] = [index < 2 ? TOP : (`/${chance.pick(['a', 'b'])}` as EntryId), chance.pick(NAMES)];
  if (index < 4) {
    const made = index < 2 ? (['a', 'b'][index] as string) : name;
    return [`makeFolder ${dir} ${made}`, (client) => client.makeFolder(dir, made)];
  }
  return upload(chance.hits(0.5) ? TOP : dir, name, Buffer.from(`first ${index}`));
}

function upload(dir: DirId, name: string, content: Buffer): readonly [string, Call] {
  const source = { size: content.length, body: () => content };
  const call: Call = async (client) => (await client.upload(dir, name, source)).id;
  return [`upload ${dir} ${name} ${content.length}`, call];
}

function drawCall(chance: Chance, tooLarge: boolean): readonly [string, Call] {
  const [dir, id, name, ids] = [drawDir(chance), drawId(chance), chance.pick(NAMES), drawIds(chance)];
  const content = Buffer.alloc(
    tooLarge && chance.below(16) === 0 ? 70 : chance.below(30),
    `${chance.below(1000)};`,
  );
  const operation = chance.hits(0.7) ? 'move' : 'copy';
  switch (chance.below(12)) {
    case 0:
    case 1:
      return [`list ${dir}`, async (client) => listed(client, dir)];
    case 2:
    case 3:
      return [`makeFolder ${dir} ${name}`, (client) => client.makeFolder(dir, name)];
    case 4:
    case 5:
    case 6:
      return upload(dir, name, content);
    case 7:
      return [`rename ${id} ${name}`, (client) => client.rename(id, name)];
    case 8:
    case 9:
      return [`${operation} ${ids} ${dir}`, (client) => client.batch(operation, ids, dir)];
    case 10:
      return chance.hits(0.6)
        ? [`remove ${ids}`, (client) => client.remove(ids)]
        : ['room', (client) => client.room()];
    default:
      return [`download ${id}`, (client) => downloaded(client, id)];
  }
}

async function listed(client: StorageClient, dir: DirId): Promise<unknown> {
  const { entries } = await client.list(dir);
  return [...entries.values()];
}

async function downloaded(client: StorageClient, id: EntryId): Promise<string> {
  const parts: Uint8Array[] = [];
  await client.download(id, async (bytes) => {
    for await (const part of bytes) parts.push(part);
  });
  return Buffer.concat(parts).toString();
}

async function outcome(client: StorageClient, call: Call): Promise<unknown> {
  try {
    return { value: await call(client) };
  } catch (error) {
    if (error instanceof RtsyncError)
      return { code: error.code, status: error.status, ambiguous: error.ambiguous };
    throw error;
  }
}

async function realTree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[path.slice(folder.length + 1)] = entry.isFile() ? await readFile(path, 'utf8') : 'a folder';
  }
  return found;
}

function simTree({ server }: SimBench): Record<string, string> {
  return Object.fromEntries(
    server.agent
      .list({ own: true })
      .map(({ path, bytes }) => [path, bytes === undefined ? 'a folder' : Buffer.from(bytes).toString()]),
  );
}

describe.each(CASES)('with $name', ({ behaviour, ...more }) => {
  it(`the same calls get the same answers and leave the same trees (SEED=${SEED})`, async () => {
    const two = await both({ behaviour, ...more });
    const [real, sim] = two.clients();
    try {
      for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
        const chance = createChance(`${SEED} ${sequence}`);
        const story: string[] = [];
        for (let index = 0; index < CALLS; index += 1) {
          two.real.clock.pass(1_337);
          two.sim.clock.pass(1_337);
          // What is left of a broken upload is dated by the real one's disk, whatever its clock says.
          const [what, call] =
            index < 8 ? firstCall(chance, index) : drawCall(chance, behaviour.growingUploads !== true);
          const [one, other] = [await outcome(real, call), await outcome(sim, call)];
          story.push(`${what}: ${JSON.stringify(one)}`);
          expect(other, story.join('\n')).toEqual(one);
        }
        expect(simTree(two.sim), story.join('\n')).toEqual(await realTree(two.real.server.folder));
        expect(two.sim.clock.now()).toBe(two.real.clock.now());
        for (const name of await readdir(two.real.server.folder)) {
          await rm(join(two.real.server.folder, name), { recursive: true });
          two.sim.server.agent.removeTree(name);
        }
      }
    } finally {
      await two.close();
    }
  });

  it('the probe finds the same traits', async () => {
    const two = await both({ behaviour });
    try {
      const [real, sim] = two.clients();
      for (const depth of ['reading', 'full'] as const) {
        // As for a server that nobody knows yet.
        const options = { depth, random: () => 'scratch' };
        const found = await probeServer(real.variant({ pathEncoding: 'segments' }), options);
        expect(await probeServer(sim.variant({ pathEncoding: 'segments' }), options)).toEqual(found);
        expect(simTree(two.sim)).toEqual(await realTree(two.real.server.folder));
      }
    } finally {
      await two.close();
    }
  });
});

interface Raw {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  readonly path: string;
  readonly json?: unknown;
  readonly form?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const FORM = { 'content-type': 'multipart/form-data; boundary=xx' };
const field = (name: string, value: string): string =>
  `--xx\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (name: string, value: string): string =>
  `--xx\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
  `Content-Type: application/octet-stream\r\n\r\n${value}\r\n`;
const END = '--xx--\r\n';
const LONG = 'y'.repeat(256);

const RAW: readonly Raw[] = [
  { method: 'POST', path: '/files', json: { name: 'd', type: 'folder' } },
  { method: 'POST', path: '/files/d', json: { name: 'e', type: 'folder' } },
  { method: 'POST', path: '/files/d', json: { name: 'empty', type: 'file' } },
  { method: 'POST', path: '/files/d', json: { name: 'empty', type: 'file' } },
  { method: 'POST', path: '/files', json: { name: 'd', type: 'file' } },
  { method: 'POST', path: '/files', json: { name: 'x', type: 'link' } },
  { method: 'POST', path: '/files', json: { type: 'file' } },
  ...['', '.', '..', 'a/b', 'a\0b', '\ud800', LONG].map(
    (name): Raw => ({ method: 'POST', path: '/files', json: { name, type: 'folder' } }),
  ),
  { method: 'POST', path: '/upload/d', form: field('name', 'x') + file('other', 'content') + END },
  { method: 'POST', path: '/upload?id=/d/e', form: file('of the file', 'content\r\n--x') + END },
  { method: 'POST', path: '/upload?id=/d/e', form: file('a/b', '') + END },
  { method: 'POST', path: '/upload', form: field('name', 'x') + END },
  { method: 'POST', path: '/upload', form: field('name', '../x') + file('x', '1') + END },
  { method: 'POST', path: '/upload', form: field('name', 'two') + file('x', '1') + file('y', '2') + END },
  { method: 'POST', path: '/upload', json: { name: 'x' } },
  { method: 'POST', path: '/upload/none', form: field('name', 'x') + file('x', '1') + END },
  { method: 'POST', path: '/upload/d/x', form: field('name', 'x') + file('x', '1') + END },
  { method: 'GET', path: '/files/d' },
  { method: 'GET', path: '/files/d?showHidden=true' },
  { method: 'GET', path: '/files/d/' },
  { method: 'GET', path: '/files/d/x' },
  { method: 'GET', path: '/files/%2Fd' },
  { method: 'GET', path: '/files/%FF' },
  { method: 'GET', path: '/files/a%00b' },
  { method: 'GET', path: '/files/a/../..' },
  { method: 'GET', path: '/direct' },
  { method: 'GET', path: '/direct?id=/d' },
  { method: 'GET', path: '/direct?id=/d/x&download=true' },
  { method: 'GET', path: '/direct?id=d%2Fx' },
  { method: 'GET', path: '/direct?id=/none' },
  { method: 'GET', path: '/info' },
  { method: 'GET', path: '/info/d' },
  { method: 'GET', path: '/info/d/x' },
  { method: 'GET', path: '/info/none' },
  { method: 'GET', path: '/nothing' },
  { method: 'PATCH', path: '/files', json: {} },
  { method: 'PUT', path: '/files/d/x', json: { operation: 'rename', name: 'z' } },
  { method: 'PUT', path: '/files/d/z', json: { operation: 'rename', name: 'z' } },
  { method: 'PUT', path: '/files/d/z', json: { operation: 'rename', name: 'a/b' } },
  { method: 'PUT', path: '/files/d/z', json: { operation: 'copy', target: '/' } },
  { method: 'PUT', path: '/files', json: { operation: 'copy', target: '/d', ids: ['/d/z'] } },
  { method: 'GET', path: '/files/d' },
  { method: 'PUT', path: '/files/z', json: { operation: 'move', target: 'd/e/' } },
  { method: 'PUT', path: '/files/d', json: { operation: 'move', target: '/d/e' } },
  { method: 'PUT', path: '/files/d', json: { operation: 'copy', target: '/d/e' } },
  { method: 'PUT', path: '/files', json: { operation: 'move', target: '/d', ids: ['/'] } },
  { method: 'PUT', path: '/files', json: { operation: 'move', target: '/none', ids: ['/d/z'] } },
  {
    method: 'PUT',
    path: '/files',
    json: { operation: 'move', target: '/d/e', ids: ['/d/z', '/n', '/d/empty'] },
  },
  { method: 'PUT', path: '/files', json: { operation: 'turn', target: '/', ids: [] } },
  { method: 'PUT', path: '/files', json: { operation: 'move', target: '/', ids: 'x' } },
  { method: 'PUT', path: '/files', json: { operation: 'move', target: '/', ids: Array(251).fill('/q') } },
  { method: 'PUT', path: '/files', json: { operation: 'copy', target: '/', ids: ['/d'] } },
  { method: 'DELETE', path: '/files', json: { ids: ['/d/none'] } },
  { method: 'DELETE', path: '/files', json: { ids: ['/d/none', '/d/e/z', '/d/e'] } },
  { method: 'DELETE', path: '/files', json: { ids: [1] } },
  { method: 'DELETE', path: '/files', json: { ids: ['/../x'] } },
  { method: 'GET', path: '/files', headers: { 'x-api-key': '' } },
  { method: 'DELETE', path: '/files', json: { ids: ['/'] } },
  { method: 'GET', path: '/files' },
];

async function rawAnswer(http: Http, to: { origin: string; key: string; workspace: string }, raw: Raw) {
  const content = raw.form ?? (raw.json === undefined ? undefined : JSON.stringify(raw.json));
  const body = content === undefined ? undefined : Buffer.from(content);
  const sent = {
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    ...(raw.form === undefined ? { 'content-type': 'application/json' } : FORM),
    ...{ 'x-api-key': to.key, authorization: `Bearer ${to.key}` },
    ...raw.headers,
  };
  const { 'content-type': type, ...bare } = sent;
  const headers = body === undefined ? bare : { ...bare, 'content-type': type };
  const path = `/v1/workspaces/${to.workspace}${raw.path}`;
  const answer = await http.send({
    ...{ origin: to.origin, method: raw.method, path, headers },
    ...(body === undefined ? {} : { body }),
  });
  return { answer, text: await answer.text() };
}

/** What every client may rely on: no words, no ids of requests, no dates of folders. */
function plain(text: string): unknown {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return 'no JSON';
  }
  return JSON.parse(
    JSON.stringify(told, (key, value) => {
      if (key === 'message' || key === 'requestId') return undefined;
      if (key === 'error' && typeof value === 'string') return 'words';
      if (value?.type === 'folder' || value?.type === 'directory') return { ...value, date: '', mtime: '' };
      return value;
    }),
  );
}

describe.each(CASES)('with $name, on the wire', ({ behaviour, ...more }) => {
  it('odd requests get the same status and the same fields', async () => {
    const two = await both({ behaviour, ...more });
    const { server, http } = two.real;
    const simHttp = two.sim.http();
    try {
      // What two files in one form leave behind where uploads grow, nobody relies on.
      const asked = RAW.filter(({ form }) => !(behaviour.growingUploads && form?.includes('"y"')));
      for (const raw of asked) {
        two.real.clock.pass(1_337);
        two.sim.clock.pass(1_337);
        const real = await rawAnswer(http, { ...server, workspace: server.workspaceId }, raw);
        const sim = await rawAnswer(simHttp, { origin: '', key: server.key, workspace: WORKSPACE }, raw);
        const said = `${raw.method} ${raw.path} ${JSON.stringify(raw.json ?? raw.form)?.slice(0, 200)}: ${real.text}`;
        expect([sim.answer.status, plain(sim.text)], said).toEqual([real.answer.status, plain(real.text)]);
        if (raw.path.startsWith('/direct') && sim.answer.status === 200) {
          expect(sim.text).toBe(real.text);
          expect(sim.answer.headers['content-length']).toBe(real.answer.headers['content-length']);
        }
      }
      expect(simTree(two.sim)).toEqual(await realTree(server.folder));
    } finally {
      await two.close();
    }
  });
});

it.each([{}, { retryAfter: false }, { rateHeaders: 'none' }, { rateHeaders: 'lie' }] as const)(
  'a limit refuses the same requests and tells the same with %o',
  async (behaviour) => {
    const two = await both({ behaviour }, 5);
    const { server, http, clock } = two.real;
    const simHttp = two.sim.http();
    const chance = createChance(SEED);
    const told = ({ status, headers }: { status: number; headers: Readonly<Record<string, unknown>> }) => [
      status,
      ...['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'date'].map(
        (name) => headers[name],
      ),
    ];
    try {
      for (let index = 0; index < 60; index += 1) {
        const ms = chance.below(20_000);
        clock.pass(ms);
        two.sim.clock.pass(ms);
        const raw: Raw = { method: 'GET', path: '/files' };
        const real = await rawAnswer(http, { ...server, workspace: server.workspaceId }, raw);
        const sim = await rawAnswer(simHttp, { origin: '', key: server.key, workspace: WORKSPACE }, raw);
        expect(told(sim.answer)).toEqual(told(real.answer));
      }
      expect(two.sim.server.limited).toBeGreaterThan(3);
    } finally {
      await two.close();
    }
  },
);
