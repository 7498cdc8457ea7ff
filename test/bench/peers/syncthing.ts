/** Syncthing with one folder and no other device: what watching costs while nothing happens. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Running, startProcess, until } from '../measure.ts';

const KEY = 'bench';
const SCANNED_MS = 120_000;

/** Resolves when it has scanned the folder and is idle. */
export async function startSyncthing(home: string, folder: string): Promise<Running> {
  mkdirSync(join(home, 'syncthing'), { recursive: true });
  mkdirSync(join(folder, '.stfolder'), { recursive: true });
  const [gui, listen] = [await freePort(), await freePort()];
  writeFileSync(join(home, 'syncthing', 'config.xml'), settings(folder, gui, listen));
  const running = startProcess(
    'syncthing',
    ['serve', '--home', join(home, 'syncthing'), '--no-browser', '--no-restart', '--no-upgrade'],
    // Without the process that only watches over it, so that what is measured is what syncs.
    { env: { HOME: home, STMONITORED: 'yes' } },
  );
  const idle = async (): Promise<boolean> => {
    try {
      const answer = await fetch(`http://127.0.0.1:${gui}/rest/db/status?folder=bench`, {
        headers: { 'X-API-Key': KEY },
      });
      const { state, localFiles } = (await answer.json()) as { state?: string; localFiles?: number };
      return state === 'idle' && (localFiles ?? 0) > 0;
    } catch {
      return false;
    }
  };
  if ((await until(idle, SCANNED_MS, 200)) === Number.POSITIVE_INFINITY) {
    await running.stop();
    throw new Error(`syncthing was not idle in time: ${running.output()}`);
  }
  return running;
}

function settings(folder: string, gui: number, listen: number): string {
  return `<configuration version="36">
  <folder id="bench" label="bench" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10"></folder>
  <gui enabled="true" tls="false"><address>127.0.0.1:${gui}</address><apikey>${KEY}</apikey></gui>
  <options><listenAddress>tcp://127.0.0.1:${listen}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
  <localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
  <startBrowser>false</startBrowser><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>
  <crashReportingEnabled>false</crashReportingEnabled></options>
</configuration>
`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
