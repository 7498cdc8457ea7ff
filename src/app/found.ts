/** What is known of a pair before its parts are put together. */
import type { PairConfig } from '../config/pairs.ts';
import type { Direction, Mode } from '../core/rules.ts';
import type { Observer } from '../engine/events.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../local/disk.ts';
import type { Workspace } from '../remote/runtools/workspaces.ts';
import type { Approvals } from '../state/approvals.ts';
import type { OpenPairState } from '../state/pair-state.ts';
import type { OwnThing } from './own-things.ts';

export interface PairRun {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Undefined: as the configuration says. */
  readonly direction?: Direction | undefined;
  readonly mode: Mode;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface Found {
  readonly pairConfig: PairConfig;
  readonly run: PairRun;
  readonly direction: Direction;
  readonly root: string;
  readonly workspace: Workspace;
  readonly state: OpenPairState;
  readonly approvals: Pick<Approvals, 'readHeld' | 'saveHeld' | 'approved' | 'take'>;
  /** What rtsync keeps below the root, outside of its own folder. */
  readonly ownThings?: readonly OwnThing[];
  /** Bytes from which on a download that broke off is gone on with, instead of the usual ones. */
  readonly resumeFrom?: number | undefined;
  /** Another disk than the machine's. */
  readonly disk?: Disk;
  /** Chance for names of ours on the server: so many random hexadecimal digits. */
  readonly hex?: (digits: number) => string;
  /** Tells this start of the machine from every other; the system's own unless given. */
  readonly boot?: string;
  /** Another name for this machine than its own. */
  readonly host?: string;
}
