/** What a server can be started with. Everything has a default but the folders. */
import type { Clock } from '../lib/clock.ts';
import type { Behaviour } from './behaviour.ts';
import type { FaultRates } from './faults.ts';
import type { RequestEntry } from './log.ts';

export type Scope = 'files:read' | 'files:write' | 'files:*' | '*';

export interface KeyOption {
  readonly key: string;
  /** Default: `['*']`. */
  readonly scopes?: readonly Scope[] | undefined;
  /** How the request log calls it; the key itself is never logged. Default: `key 1`, `key 2`, … */
  readonly name?: string | undefined;
}

export interface WorkspaceOption {
  readonly slug: string;
  /** An existing folder, served where it is. Default: `<data>/<slug>`, made when missing. */
  readonly folder?: string | undefined;
  readonly name?: string | undefined;
  /** Personal workspaces cannot be deleted. */
  readonly personal?: boolean | undefined;
}

export type RateLimit = 'free' | 'pro' | 'team' | number;

/** Requests per window of the published tiers. */
export const TIERS = { free: 60, pro: 300, team: 1000 } as const;

export interface ServeOptions {
  /** Folder of many workspaces: each subfolder is one. Made when missing. */
  readonly data?: string | undefined;
  readonly workspaces?: readonly WorkspaceOption[] | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /** True: no key is asked for. Without it at least one key is needed. */
  readonly open?: boolean | undefined;
  readonly keys?: readonly KeyOption[] | undefined;
  /** Requests per window and key. Default: no limit. */
  readonly rateLimit?: RateLimit | undefined;
  /** Default 60,000 ms. */
  readonly windowMs?: number | undefined;
  /** Bytes of all workspaces together. Default: unlimited. */
  readonly quotaBytes?: number | undefined;
  /** Largest file of one upload in bytes. Default 100,000,000. */
  readonly uploadLimitBytes?: number | undefined;
  /** How long the sum of a workspace's bytes is believed without counting again. Default 1,000 ms. */
  readonly usageMaxAgeMs?: number | undefined;
  readonly behaviour?: Partial<Behaviour> | undefined;
  readonly faults?: FaultRates | undefined;
  /** A given clock also dates what is uploaded, made and copied; otherwise the disk does. */
  readonly clock?: Clock | undefined;
  /** Entries that the request log keeps; older ones only live on in its counts. Default 100,000. */
  readonly logLimit?: number | undefined;
  /** Told of each request once it is answered or broken off, and nothing is done for it any more. */
  readonly onRequest?: ((entry: RequestEntry) => void) | undefined;
}
