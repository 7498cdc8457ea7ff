/** A server for a test: one workspace in a temporary folder, a key, and everything gone afterwards. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServeOptions } from '../../src/serve/options.ts';
import { type RunningServer, startServer } from '../../src/serve/server.ts';

export const TEST_KEY = 'rt_test_0123456789abcdef';

export interface TestServer {
  readonly origin: string;
  readonly workspaceId: string;
  readonly slug: string;
  /** The workspace's folder on disk: writing there is what an agent in a sandbox does. */
  readonly folder: string;
  /** The data folder above it. */
  readonly data: string;
  readonly key: string;
  readonly server: RunningServer;
  /** Stops the server and removes its folders. */
  close(): Promise<void>;
}

/** Byte counts are exact here, unlike the default: tests write into the folder and expect it to count at once. */
export async function startTestServer(options: ServeOptions = {}): Promise<TestServer> {
  const data = await realpath(await mkdtemp(join(tmpdir(), 'rtsync-serve-')));
  const discard = () => rm(data, { recursive: true, force: true });
  const slug = 'project';
  try {
    const server = await startServer({
      data,
      keys: [{ key: TEST_KEY }],
      workspaces: [{ slug }],
      usageMaxAgeMs: 0,
      ...options,
    });
    const { id, folder } = server.workspaces.get(options.workspaces?.[0]?.slug ?? slug);
    return {
      ...{ origin: server.origin, workspaceId: id, slug, folder, data, key: TEST_KEY, server },
      async close() {
        await server.close();
        await discard();
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

export async function withServer<T>(
  options: ServeOptions,
  use: (server: TestServer) => Promise<T>,
): Promise<T> {
  const server = await startTestServer(options);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}
