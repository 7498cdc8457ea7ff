/** Answers that make no sense, with status 200: nothing is deleted, nothing overwritten, and what is not known is unknown. */
import { utimesSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { walk } from '../../../../src/core/tree.ts';
import { createHttp, type Http, type HttpRequest } from '../../../../src/remote/http.ts';
import type { RemoteScan } from '../../../../src/remote/remote.ts';
import type { RequestEntry } from '../../../../src/serve/log.ts';
import { codeOf, codes, dirAt, noRules, readAll, removeAll, writeAll } from '../support.ts';
import { testSite } from './site.ts';

/** What comes instead of the true answer, made from its text; undefined: the true one. */
type Lie = (request: HttpRequest, truth: string) => string | undefined;

let lie: Lie;

/** The deed is done as asked; only the answer is another one. */
function lying(honest: Http): Http {
  return {
    close: () => honest.close(),
    send: async (request) => {
      const answer = await honest.send(request);
      const truth = await answer.text();
      const text = answer.status < 300 ? (lie(request, truth) ?? truth) : truth;
      return {
        status: answer.status,
        headers: answer.headers,
        text: async () => text,
        bytes: async function* () {
          yield Buffer.from(text);
        },
      };
    },
  };
}

const site = testSite({ http: () => lying(createHttp()) });
beforeEach(() => {
  lie = () => undefined;
});
const { place } = site;

const HTML = '<!doctype html><html><body>Please sign in</body></html>';
const on = (kind: 'GET files' | 'POST upload' | 'PUT files' | 'DELETE files' | 'GET direct', dir = '') => {
  const [method, what] = kind.split(' ');
  return (request: HttpRequest): boolean =>
    request.method === method && new RegExp(`/${what}${dir}(\\?|$)`).test(request.path);
};
const kinds = ({ tree }: RemoteScan) =>
  Object.fromEntries([...walk(tree)].map(([path, node]) => [path, node.kind]));

const ROW = { id: '/a/x', value: 'x', type: 'file', size: 1, date: '2026-01-05T12:00:00.000Z' };
const rows = (...changes: readonly Readonly<Record<string, unknown>>[]): string =>
  JSON.stringify(changes.map((change) => ({ ...ROW, ...change })));

const BAD_LISTS: readonly (readonly [what: string, text: (truth: string) => string])[] = [
  ['half a list', (truth) => truth.slice(0, truth.length / 2)],
  ['a web page', () => HTML],
  ['nothing at all', () => ''],
  ['an empty object', () => '{}'],
  ['null', () => 'null'],
  ['wrapped null', () => '{"data":null}'],
  ['a text', () => '"ok"'],
  ['a number', () => '0'],
  ['an error', () => '{"error":{"code":"BUSY","message":"try later"}}'],
  ['the object of a folder', () => '{"id":"/a","type":"folder"}'],
  ['a list of texts', () => '["/a/x"]'],
  ['a row of another folder', () => rows({}, { id: '/b/y', value: 'y' })],
  ['a row that climbs out', () => rows({}, { id: '/a/../y', value: 'y' })],
  ['a row of the folder itself', () => rows({}, { id: '/a', value: 'a' })],
  ['one id twice', () => rows({}, {})],
  ['a row without a type', () => rows({ type: undefined })],
  ['a size below nothing', () => rows({ size: -1 })],
  ['a size in a text', () => rows({ size: '1' })],
  ['a size beyond all numbers', () => rows({}).replace('"size":1', '"size":1e999')],
  ['a size that is not exact', () => rows({ size: 2 ** 60 })],
  ['NaN for a size', () => rows({}).replace('"size":1', '"size":NaN')],
  ['NaN for a date', () => rows({ date: 'NaN' })],
  ['a day that no month has', () => rows({ date: '0000-00-00 00:00:00' })],
  ['a date beyond all dates', () => rows({ date: 1e20 })],
  ['a date before all dates', () => rows({ date: -1 })],
  ['more without a cursor', (truth) => `{"data":${truth},"meta":{"hasMore":true}}`],
  ['more in a word', (truth) => `{"data":${truth},"hasMore":"true"}`],
  ['more without a cursor, wrapped', (truth) => `{"data":{"files":${truth},"hasMore":true}}`],
  ['a cursor that is an object', (truth) => `{"data":{"files":${truth},"nextCursor":{}}}`],
  ['pages that go round', (truth) => `{"data":{"files":${truth},"nextCursor":"again"}}`],
];

describe('a list that is', () => {
  test.each(BAD_LISTS)(
    '%s makes its folder unknown, and nothing in it is known as gone',
    async (_what, text) => {
      for (const name of ['a/x', 'a/y', 'b/z']) await place(name, '1');
      const isList = on('GET files', '/a');
      lie = (request, truth) => (isList(request) ? text(truth) : undefined);
      const scan = await site.far.remote({}).sweep(noRules);
      expect(kinds(scan)).toEqual({ a: 'unknown', b: 'folder', 'b/z': 'file' });
      expect(scan.problems).toMatchObject([{ path: 'a', code: 'unreadable' }]);
    },
  );

  test.each(BAD_LISTS)('%s in a look takes nothing from what was known elsewhere', async (_what, text) => {
    for (const name of ['a/x', 'b/z']) await place(name, '1');
    const remote = site.far.remote({});
    const before = await remote.sweep(noRules);
    const isList = on('GET files', '/a');
    lie = (request, truth) => (isList(request) ? text(truth) : undefined);
    const after = await remote.look(before, [dirAt('a')], noRules);
    expect(kinds(after)).toEqual({ a: 'unknown', b: 'folder', 'b/z': 'file' });
  });

  test.each(BAD_LISTS.filter(([what]) => !/row|id|folder/.test(what)))(
    '%s at the root ends the run as a bad answer',
    async (_what, text) => {
      await place('a/x', '1');
      lie = (request, truth) => (on('GET files')(request) ? text(truth) : undefined);
      expect(await codeOf(site.far.remote({}).sweep(noRules))).toBe('bad-answer');
    },
  );

  test('bad once is asked for again and then believed', async () => {
    await place('a/x', '1');
    let lies = 2;
    lie = (request) => (on('GET files', '/a')(request) && lies-- > 0 ? HTML : undefined);
    expect(kinds(await site.far.remote({}).sweep(noRules))).toEqual({ a: 'folder', 'a/x': 'file' });
  });

  test.each([
    ['from 1970', '1970-01-01T00:00:00.000Z', 0],
    ['from the far future', '9999-12-31T23:59:59.000Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])('dated %s is believed: a date only tells versions apart', async (_what, date, ms) => {
    await place('a/x', '1');
    lie = (request) => (on('GET files', '/a')(request) ? rows({ date }) : undefined);
    const { tree, problems } = await site.far.remote({}).sweep(noRules);
    expect(new Map(walk(tree)).get('a/x' as never)).toMatchObject({ stamp: { size: 1, date: ms } });
    expect(problems).toEqual([]);
  });

  test('told in pages on any level of its wrapping is followed to the end', async () => {
    for (const name of ['a/x', 'a/y']) await place(name, '1');
    lie = (request, truth) => {
      if (!on('GET files', '/a')(request)) return undefined;
      const [first, second] = JSON.parse(truth) as unknown[];
      return request.path.includes('cursor=7')
        ? JSON.stringify({ data: { files: [second] } })
        : JSON.stringify({ data: { files: [first], meta: { hasMore: true, nextCursor: 7 } } });
    };
    expect(kinds(await site.far.remote({}).sweep(noRules))).toEqual({
      a: 'folder',
      'a/x': 'file',
      'a/y': 'file',
    });
  });

  test.each(BAD_LISTS)('%s lets nothing be written, removed or believed below it', async (_what, text) => {
    const stamp = await place('a/x', 'old');
    lie = (request, truth) => (on('GET files', '/a')(request) ? text(truth) : undefined);
    const remote = site.far.remote({});
    expect(codes(await writeAll(remote, 'a', { x: { text: 'new', expect: stamp } }))).toEqual({
      x: 'bad-answer',
    });
    expect(codes(await removeAll(remote, { 'a/x': stamp }))).toEqual({ 'a/x': 'bad-answer' });
    expect(codes((await readAll(remote, 'a', { x: stamp })).outcomes)).toEqual({ x: 'bad-answer' });
    expect(await readFile(join(site.server.folder, 'a/x'), 'utf8')).toBe('old');
  });
});

describe('the answer to an upload that is', () => {
  test.each([
    ['a web page', HTML],
    ['nothing', ''],
    ['null', 'null'],
    ['an empty list', '[]'],
    ['an empty object', '{}'],
    ['an id that is a number', '{"id":5}'],
    ['the top', '{"id":"/"}'],
  ])('%s is settled by a look, and the file is sent once', async (_what, text) => {
    const remote = site.far.remote({});
    expect(codes(await writeAll(remote, '', { honest: { text: 'tells the clock' } }))).toEqual({
      honest: 'ok',
    });
    lie = (request) => (on('POST upload')(request) ? text : undefined);
    expect(codes(await writeAll(remote, '', { x: { text: 'mine' } }))).toEqual({ x: 'ok' });
    expect(site.far.gate.counts.byLabel.upload).toBe(2);
    expect(await readFile(join(site.server.folder, 'x'), 'utf8')).toBe('mine');
  });

  test.each([
    ['by a clock that is not known yet', {}, false],
    ['by whole seconds', { dateGrain: 1000 }, true],
    ['by no clock of the server', { datesFollowClock: false }, true],
  ] as const)(
    'a web page leaves it to the content when dates go %s: another’s file of equal size may stand there',
    async (_how, traits, known) => {
      const remote = site.far.remote(traits);
      if (known) await writeAll(remote, '', { honest: { text: 'tells the clock' } });
      const full = join(site.server.folder, 'x');
      const agent = ({ label }: RequestEntry): boolean => {
        if (label !== 'upload') return false;
        writeFileSync(full, 'site');
        utimesSync(full, new Date(site.clock.now()), new Date(site.clock.now()));
        return true;
      };
      site.faults.next(agent, { kind: 'html' });
      const outcomes = await writeAll(remote, '', { x: { text: 'mine' } });
      expect(outcomes.x).toMatchObject({ ok: false, error: { code: 'changed', ambiguous: true } });
    },
  );

  test.each(['/elsewhere/x', '/x/y', '/other', '/../x'])(
    'an id that lies at %s removes nothing there',
    async (id) => {
      await place('other', 'another file');
      await place('elsewhere/x', 'another file');
      lie = (request) => (on('POST upload')(request) ? JSON.stringify({ id }) : undefined);
      const told = codes(await writeAll(site.far.remote({}), '', { mine: { text: 'mine' } }));
      expect(['changed', 'ok']).toContain(told.mine);
      expect(site.far.gate.counts.byLabel.remove).toBeUndefined();
      expect(await readFile(join(site.server.folder, 'elsewhere/x'), 'utf8')).toBe('another file');
      expect(await readFile(join(site.server.folder, 'other'), 'utf8')).toBe('another file');
    },
  );
});

describe('a download that is', () => {
  test.each([
    ['a web page', HTML],
    ['shorter than listed', 'conten'],
    ['longer than listed', 'content and more'],
    ['empty', ''],
    ['an error', '{"error":"try later"}'],
  ])('%s is never whole', async (_what, text) => {
    const stamp = await place('x', 'content');
    lie = (request) => (on('GET direct')(request) ? text : undefined);
    expect(codes((await readAll(site.far.remote({}), '', { x: stamp })).outcomes)).toEqual({ x: 'changing' });
  });

  test('a web page where an empty file is listed is never whole', async () => {
    const stamp = await place('x', '');
    lie = (request) => (on('GET direct')(request) ? HTML : undefined);
    expect(codes((await readAll(site.far.remote({}), '', { x: stamp })).outcomes)).toEqual({ x: 'changing' });
  });
});

describe('the answer to a move into the trash that is', () => {
  test.each([
    ['a web page', HTML],
    ['a shorter list', '{"result":[{"id":"/.rtsync/trash/y"}]}'],
  ])('%s is settled by a look', async (_what, text) => {
    const stamps = { x: await place('x', '1'), y: await place('y', '2') };
    lie = (request) => (on('PUT files')(request) ? text : undefined);
    expect(codes(await removeAll(site.far.remote({}), stamps))).toEqual({ x: 'ok', y: 'ok' });
    expect(await readdir(site.server.folder)).toEqual(['.rtsync']);
  });
});
