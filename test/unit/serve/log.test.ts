import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/serve/log.ts';
import { withServer } from '../../support/server.ts';
import { clientOf } from './client.ts';

describe('the request log', () => {
  it('calls every request by what it does', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      await client.post('/files', { name: 'd', type: 'folder' });
      await client.post('/files', { name: 'f', type: 'file' });
      await client.put('/files', { operation: 'copy', target: '/d', ids: ['/f'] });
      await client.put('/files/f', { operation: 'move', target: '/d' });
      await client.put('/files/d', { operation: 'rename', name: 'e' });
      await client.get('/nowhere');
      const seen = server.server.requests
        .entries()
        .map(({ label, path, ids, target, status }) => [label, path, ids, target, status]);
      expect(seen).toEqual([
        ['makeFolder', '/', [], 'd', 200],
        ['makeFile', '/', [], 'f', 200],
        ['copy', '/', ['/f'], '/d', 200],
        ['move', '/f', [], '/d', 200],
        ['rename', '/d', [], 'e', 200],
        ['unknown', '/', [], '', 404],
      ]);
    }));

  it('counts by label, from the start or from a mark', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const { requests } = server.server;
      await client.get('/files');
      const mark = requests.mark();
      await client.get('/files');
      await client.get('/info');
      expect(requests.counts()).toEqual({ list: 2, info: 1, total: 3 });
      expect(requests.counts(mark)).toEqual({ list: 1, info: 1, total: 2 });
      expect(requests.since(mark).map(({ label }) => label)).toEqual(['list', 'info']);
      requests.clear();
      expect(requests.counts()).toEqual({ total: 0 });
    }));

  it('knows the fullest window, wherever it begins', () => {
    const log = createLog(100);
    for (const at of [0, 55, 60, 65, 110, 200]) log.open(at, 'GET', 'list').key = at < 60 ? 'a' : 'b';
    expect(log.maxInWindow(60)).toBe(4);
    expect(log.maxInWindow(10)).toBe(2);
    expect(log.maxInWindow(11)).toBe(3);
    expect(log.maxInWindow(60, 'a')).toBe(2);
    expect(createLog(1).maxInWindow(60)).toBe(0);
  });

  it('keeps only so many entries but counts them all', () => {
    const log = createLog(10);
    for (let n = 0; n < 1000; n += 1) log.open(n, 'GET', n % 2 === 0 ? 'list' : 'info');
    expect(log.entries().map(({ seq }) => seq)).toEqual([991, 992, 993, 994, 995, 996, 997, 998, 999, 1000]);
    expect(log.counts()).toEqual({ list: 500, info: 500, total: 1000 });
  });
});
