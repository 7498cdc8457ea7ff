/**
 * What most tests of this room begin with, fresh for each test: a server with its disk at hand, and a client, both on
 * one clock that only sleepers and tests move.
 */
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Http } from '../../../../src/remote/http.ts';
import type { RunningServer } from '../../../../src/serve/server.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, type HandClock, handClock } from '../support.ts';

export interface Site {
  readonly server: TestServer;
  readonly clock: HandClock;
  readonly far: Bench;
  readonly faults: RunningServer['faults'];
  readonly behaviour: RunningServer['behaviour'];
  readonly requests: RunningServer['requests'];
  /** Puts a file on the server's disk, dated by its clock; gives the stamp that a list would show. */
  readonly place: (path: string, text: string) => Promise<RemoteStamp>;
  /** Text of a file on the server's disk. */
  readonly disk: (path: string) => Promise<string>;
  /** Names at the top, but for our own. */
  readonly names: () => Promise<string[]>;
  /** Paths of all files below a folder of the workspace, from there; below the top ours are among them. */
  readonly files: (below?: string) => Promise<string[]>;
  /** The same below the top, without ours. */
  readonly theirs: () => Promise<string[]>;
  /** Texts of all that lies in the trash. */
  readonly trashed: () => Promise<string[]>;
  /** Somebody's deed while the next request of this kind waits at the gate, and how long it waits. */
  readonly whileWaiting: (label: string, deed: () => Promise<unknown>, ms?: number) => void;
}

/** `http`: another way to send, made for each test. After each test it is sure that nobody deleted the top. */
export function testSite(options: { readonly http?: () => Http } = {}): Site {
  let [server, clock, far]: [TestServer?, HandClock?, Bench?] = [];
  let http: Http | undefined;
  beforeEach(async () => {
    clock = handClock();
    server = await startTestServer({ clock });
    http = options.http?.();
    far = bench(server, clock, http === undefined ? {} : { http });
  });
  afterEach(async () => {
    expect(site.requests.counts().rootDelete).toBeUndefined();
    await http?.close();
    await far?.close();
    await server?.close();
  });
  const site: Site = {
    get server() {
      return started(server);
    },
    get clock() {
      return started(clock);
    },
    get far() {
      return started(far);
    },
    get faults() {
      return site.server.server.faults;
    },
    get behaviour() {
      return site.server.server.behaviour;
    },
    get requests() {
      return site.server.server.requests;
    },
    place: async (path, text) => {
      const [full, date] = [join(site.server.folder, path), site.clock.now()];
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, text);
      await utimes(full, new Date(date), new Date(date));
      return { size: text.length, date };
    },
    disk: (path) => readFile(join(site.server.folder, path), 'utf8'),
    names: async () => (await readdir(site.server.folder)).filter((name) => name !== '.rtsync').sort(),
    files: async (below = '') => {
      const root = join(site.server.folder, below);
      const all = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = all.filter((entry) => entry.isFile());
      return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort();
    },
    theirs: async () => (await site.files()).filter((path) => !path.startsWith('.rtsync/')),
    trashed: async () => {
      const paths = await site.files('.rtsync/trash');
      return (await Promise.all(paths.map((path) => site.disk(`.rtsync/trash/${path}`)))).sort();
    },
    whileWaiting: (label, deed, ms = 3000) => {
      const { gate } = site.far;
      const { run } = gate;
      gate.run = async (ticket, send, signal) => {
        if (ticket.label === label) {
          gate.run = run;
          site.clock.pass(ms);
          await deed();
        }
        return run(ticket, send, signal);
      };
    },
  };
  return site;
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the site is there while a test runs');
  return part;
}
