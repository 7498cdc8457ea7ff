/** Folders on the server of which every list fails for a while: longer than a client tries again. */
import type { Outage } from './scenario.ts';
import type { SimFaults } from './server/faults.ts';
import type { SimServer } from './server.ts';
import type { Timeline } from './timeline.ts';

export interface OutagesOf {
  readonly timeline: Timeline;
  readonly server: SimServer;
  readonly tell: (line: () => string) => void;
}

export function createOutages(
  outages: readonly Outage[],
  { timeline, server, tell }: OutagesOf,
): Required<Pick<SimFaults, 'outage'>> {
  const standing = new Map<Outage, string>();
  for (const outage of outages) {
    timeline.at(outage.at, () => {
      const folders = [
        '',
        ...server.agent.list().flatMap(({ path, kind }) => (kind === 'folder' ? [path] : [])),
      ];
      const folder = folders[Math.floor(outage.where * folders.length)] ?? '';
      standing.set(outage, folder);
      tell(() => `the lists of /${folder} fail from now on: ${outage.how}`);
    });
    timeline.at(outage.at + outage.forMs, () => {
      standing.delete(outage);
      tell(() => 'an outage is over');
    });
  }
  return {
    outage: (folder) => {
      for (const [{ how }, where] of standing) if (where === folder) return how;
      return undefined;
    },
  };
}
