/** The link to a server: key, gate and connections, put together once for all pairs of a process. */
import { join } from 'node:path';
import { type BandwidthConfig, limitsAny, minuteOfDay, rateAt } from '../config/bandwidth.ts';
import { findCredential } from '../config/secrets.ts';
import type { Config } from '../config.ts';
import type { Bandwidth } from '../lib/bandwidth.ts';
import type { Clock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { Gate } from '../lib/gate.ts';
import { createBandwidth } from '../pace/bandwidth.ts';
import { createGate, type PacedGate } from '../pace/queue.ts';
import { paceFile } from '../pace/saved.ts';
import { createHttp } from '../remote/http.ts';
import { createStorageClient, type StorageClient } from '../remote/runtools/client.ts';
import { createWorkspaces, type Workspaces } from '../remote/runtools/workspaces.ts';
import type { Traits } from '../remote/traits.ts';
import { fingerprint } from './fingerprint.ts';

export interface LinkOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How long a run may wait for the rate; undefined: as long as it takes. Milliseconds. */
  readonly maxWaitMs?: number;
  /** The run ends with its work, so that it need not spread what it sends for the sake of edits. */
  readonly single?: boolean;
}

/** A server with a key: one gate, one pool of connections, for all pairs of the process. */
export interface ServerLink {
  readonly gate: PacedGate;
  /** How fast file bytes may go; undefined: as fast as they can. */
  readonly bandwidth: Bandwidth | undefined;
  readonly workspaces: Workspaces;
  /** `through`: the gate as one pair sees it. */
  storage(workspaceId: string, traits: Traits | undefined, through?: Gate): StorageClient;
  /** Throws `pair-overlap` when a pair of another name already syncs this folder of the workspace, or one around it. */
  claim(name: string, workspaceId: string, path: string): void;
  close(): Promise<void>;
}

export async function openServer(config: Config, options: LinkOptions): Promise<ServerLink> {
  const { clock } = options;
  const { server } = config;
  const credential = await findCredential({
    env: options.env,
    apiKeyFile: config.apiKeyFile,
    apiKeyCommand: config.apiKeyCommand,
  });
  const http = createHttp({ connections: server.concurrency });
  const saved = paceFile(join(config.stateDir, `pace-${fingerprint(server.storageUrl)}.json`));
  const gate = createGate({
    limitPerMinute: server.limitPerMinute,
    concurrency: server.concurrency,
    clock,
    random: Math.random,
    single: options.single === true,
    maxWaitMs: options.maxWaitMs,
    // A full store is looked at again by the next cycle; this one must end.
    maxGrowthWaitMs: 0,
    saved: await saved.read(),
    onPause: (pace) => saved.write(pace),
  });
  const bearer = credential.kind === 'token' || server.auth === 'bearer';
  const auth = bearer ? { auth: 'bearer' as const, authFixed: true } : { authFixed: server.auth !== 'auto' };
  const common = { http, gate, clock, key: credential.key, ...auth };
  return {
    gate,
    bandwidth: bandwidthOf(config.bandwidth, clock),
    workspaces: createWorkspaces({ ...common, origin: server.apiUrl }),
    storage: (workspaceId, traits, through = gate) =>
      createStorageClient({
        ...common,
        gate: through,
        ...(traits === undefined || bearer || server.auth !== 'auto' ? {} : { auth: traits.auth }),
        origin: server.storageUrl,
        workspaceId,
      }),
    claim: claims(),
    close: async () => {
      await saved.flush(gate.snapshot());
      await http.close();
    },
  };
}

function bandwidthOf(bandwidth: BandwidthConfig, clock: Clock): Bandwidth | undefined {
  if (!limitsAny(bandwidth)) return undefined;
  return createBandwidth({ clock, rateAt: (way, now) => rateAt(bandwidth, way, minuteOfDay(now)) });
}

/** The configuration compares workspaces as they are spelled; here their ids are known. */
function claims(): ServerLink['claim'] {
  const claimed: { readonly name: string; readonly id: string; readonly path: string }[] = [];
  const around = (outer: string, inner: string): boolean =>
    outer === '' || inner === outer || inner.startsWith(`${outer}/`);
  return (name, id, path) => {
    const other = claimed.find(
      (one) => one.name !== name && one.id === id && (around(one.path, path) || around(path, one.path)),
    );
    if (other !== undefined)
      throw new RtsyncError(
        'pair-overlap',
        `the pairs "${other.name}" and "${name}" would sync the same folder of one workspace`,
      );
    claimed.push({ name, id, path });
  };
}
