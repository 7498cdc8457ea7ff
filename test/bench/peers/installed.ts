/** Which peers this machine has, said in a sentence each where it has not. */
import { spawnSync } from 'node:child_process';

/** What a command printed with these arguments; undefined: it is not installed. */
export function saidBy(command: string, args: readonly string[]): string | undefined {
  const ended = spawnSync(command, [...args], { encoding: 'utf8', timeout: 10_000 });
  return ended.error === undefined ? `${ended.stdout}${ended.stderr}` : undefined;
}

/** First word with a number in it. */
export function versionIn(text: string): string {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? '?';
}
