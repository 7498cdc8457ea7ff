import { describe, expect, test } from 'vitest';
import { type EntryId, parseEntryId, TOP } from '../../../../src/remote/runtools/ids.ts';
import {
  decodeDate,
  decodeId,
  decodeIds,
  decodeList,
  decodeRoom,
  joinEntries,
} from '../../../../src/remote/runtools/wire.ts';

const dir = '/a' as EntryId;
const file = { id: '/a/x', value: 'x', type: 'file', size: 3, date: '2026-01-05T12:00:00.123Z' };

describe('a list', () => {
  test('is read in both dialects, wrapped or bare', () => {
    const twin = { id: '/a/x', name: 'x', type: 'file', size: 3, mtime: '2026-01-05 12:00:00.123' };
    const entry = { kind: 'file', id: '/a/x', name: 'x', size: 3, date: Date.UTC(2026, 0, 5, 12, 0, 0, 123) };
    for (const json of [[file], { data: [file] }, { result: [twin] }, { data: { files: [twin] } }]) {
      expect(decodeList(json, dir).entries).toEqual([entry]);
    }
  });

  test('knows folders under both names, and takes their hints as hints', () => {
    const rows = [
      { id: '/a/f', type: 'folder', count: 2, date: 'whenever' },
      { id: '/a/g', type: 'directory' },
    ];
    expect(decodeList(rows, dir).entries.map((entry) => entry.kind)).toEqual(['folder', 'folder']);
  });

  test('lets the size and the date be missing', () => {
    expect(decodeList([{ id: '/a/x', type: 'file' }], dir).entries[0]).toMatchObject({
      size: undefined,
      date: undefined,
    });
  });

  test.each([
    ['no array', { entries: 1 }],
    ['nothing', undefined],
    ['a row from elsewhere', [{ ...file, id: '/b/x' }]],
    ['a row from below', [{ ...file, id: '/a/b/x', value: 'x' }]],
    ['the folder itself', [{ ...file, id: '/a/', value: '' }]],
    ['a row that is called otherwise', [{ ...file, value: 'y' }]],
    ['a negative size', [{ ...file, size: -1 }]],
    ['half a byte', [{ ...file, size: 0.5 }]],
    ['no date', [{ ...file, date: 'yesterday' }]],
    ['a promise of more without a cursor', { data: [file], meta: { hasMore: true } }],
  ])('with %s is no list', (_what, json) => {
    expect(() => decodeList(json, dir)).toThrow();
  });

  test('with one name twice is no list', () => {
    const { entries } = decodeList([file, file], dir);
    expect(() => joinEntries([entries])).toThrow('twice');
  });

  test('says where its next page is', () => {
    expect(decodeList({ data: [], meta: { hasMore: true, nextCursor: 'c' } }, dir).cursor).toBe('c');
    expect(decodeList({ data: [], hasMore: true, nextCursor: 'c' }, dir).cursor).toBe('c');
    expect(decodeList({ data: [], meta: { hasMore: false, nextCursor: 'c' } }, dir).cursor).toBeUndefined();
    expect(decodeList([], dir).cursor).toBeUndefined();
  });

  test('keeps rows that cannot be asked for, as odd ones', () => {
    const rows = [
      { id: '/..', type: 'file' },
      { id: '/\ud800', type: 'file' },
      { id: '/pipe', type: 'socket' },
    ];
    expect(decodeList(rows, TOP).entries.map((entry) => entry.kind)).toEqual(['odd', 'odd', 'odd']);
  });
});

test.each([
  ['2026-01-05T12:00:00.123Z', Date.UTC(2026, 0, 5, 12, 0, 0, 123)],
  ['2026-01-05T12:00:00', Date.UTC(2026, 0, 5, 12)],
  ['2026-01-05 12:00:00', Date.UTC(2026, 0, 5, 12)],
  ['2026-01-05T13:00:00+01:00', Date.UTC(2026, 0, 5, 12)],
  ['Mon, 05 Jan 2026 12:00:00 GMT', Date.UTC(2026, 0, 5, 12)],
  [1767614400, Date.UTC(2026, 0, 5, 12)],
  [1767614400123, Date.UTC(2026, 0, 5, 12, 0, 0, 123)],
  ['2026-13-05 12:00:00', undefined],
  ['5', undefined],
  [Number.NaN, undefined],
])('the date %s is %s', (date, ms) => {
  expect(decodeDate(date)).toBe(ms);
});

test('answers tell the new id in many ways', () => {
  for (const json of [
    { id: '/a/x' },
    { result: { id: '/a/x', name: 'x' } },
    { data: [{ id: '/a/x' }] },
    { name: 'x' },
    '/a/x',
  ]) {
    expect(decodeId(json, dir)).toBe('/a/x');
  }
  for (const json of [undefined, {}, { result: {} }, { id: '/' }, { id: '' }, [], { name: '..' }]) {
    expect(decodeId(json, dir)).toBeUndefined();
  }
  expect(decodeIds({ result: [{ id: '/a/x' }, { id: '/a/y' }] }, dir)).toEqual(['/a/x', '/a/y']);
  expect(decodeIds({}, dir)).toBeUndefined();
});

test('room is what is free, and unknown when it is unlimited', () => {
  expect(decodeRoom([{ free: 5, total: 10, used: 5 }])).toBe(5);
  expect(decodeRoom({ data: [{ total: 10, used: 12 }] })).toBe(0);
  expect(decodeRoom([{ free: -1, total: -1, used: 5 }])).toBeUndefined();
  expect(() => decodeRoom('<html>')).toThrow();
});

test('the top of the workspace, in any spelling, is not the id of an entry', () => {
  for (const text of ['', '/', '//', '///', '/.', '/..', '/a/..', '/a/', '/a//b', 'a', '/\0'])
    expect(parseEntryId(text)).toBeUndefined();
  expect(parseEntryId('/a/b c')).toBe('/a/b c');
});
