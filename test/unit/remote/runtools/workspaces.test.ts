import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createWorkspaces,
  pick,
  type Workspace,
  type Workspaces,
} from '../../../../src/remote/runtools/workspaces.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codeOf, handClock } from '../support.ts';

const space = (id: string, slug: string, name: string): Workspace => ({ id, slug, name });
const all = [
  space('1', 'docs-project', 'Docs'),
  space('2', 'website', 'Site'),
  space('3', 'site-old', 'Old'),
  space('4', 'old-2', 'Old'),
];

describe('what the user calls a workspace', () => {
  test.each([
    ['1', '1'],
    ['website', '2'],
    ['Site', '2'],
    ['site', '2'],
    ['DOCS', '1'],
  ])('%s means workspace %s', (text, id) => {
    expect(pick(text, all).id).toBe(id);
  });

  test.each([
    ['websit', 'did you mean "website"'],
    ['docs-pro', '"docs-project"'],
    ['Old', 'site-old, old-2'],
    ['elephant', 'there is no workspace "elephant"'],
  ])('%s is refused with a hint', (text, hint) => {
    expect(() => pick(text, all)).toThrow(
      expect.objectContaining({ code: 'no-workspace', message: expect.stringContaining(hint) }),
    );
  });
});

describe('the workspaces of a key', () => {
  let server: TestServer;
  let far: Bench;
  let spaces: Workspaces;
  beforeEach(async () => {
    const clock = handClock();
    server = await startTestServer({ clock });
    far = bench(server, clock);
    spaces = createWorkspaces({
      http: far.http,
      gate: far.gate,
      clock,
      origin: `${server.origin}/v1`,
      key: server.key,
    });
  });
  afterEach(async () => {
    await far.close();
    await server.close();
  });

  test('are made, found, renamed and deleted', async () => {
    const made = await spaces.create('My notes', 'notes');
    expect((await spaces.resolve('notes')).id).toBe(made.id);
    await spaces.rename(made.id, 'Other');
    expect((await spaces.get(made.id)).name).toBe('Other');
    expect((await spaces.usage(made.id)).inUse).toBe(false);
    await spaces.delete(made.id, false);
    expect(await codeOf(spaces.resolve('notes'))).toBe('no-workspace');
  });

  test('are all listed, page by page', async () => {
    server.server.behaviour.pageSize = 2;
    for (const slug of ['a', 'b', 'c', 'd']) await spaces.create(slug, slug);
    expect((await spaces.list()).workspaces).toHaveLength(5);
  });

  test('are not deleted while a sandbox uses them, unless forced', async () => {
    server.server.workspaces.mount(server.slug, [{ sandboxName: 'agent' }]);
    expect((await spaces.usage(server.workspaceId)).mountedSandboxes).toMatchObject([
      { sandboxName: 'agent' },
    ]);
    expect(await codeOf(spaces.delete(server.workspaceId, false))).toBe('taken');
    expect(await codeOf(spaces.delete(server.workspaceId, true))).toBe('ok');
  });
});
