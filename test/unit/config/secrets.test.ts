import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCredential } from '../../../src/config/secrets.ts';
import { isCode } from '../../../src/lib/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'rtsync-secrets-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function keyFile(mode: number, content = 'from-file\n'): Promise<string> {
  const file = path.join(folder, 'key');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

const script = (code: string) => [process.execPath, '-e', code];

describe('the key', () => {
  it('comes from the first place that has one', async () => {
    await writeFile(path.join(folder, 'runtools-api-key'), 'from-systemd\n');
    const apiKeyFile = await keyFile(0o600);
    const apiKeyCommand = script('console.log("from-command")');
    const env: Record<string, string> = {
      RUNTOOLS_API_KEY: 'from-env',
      RUNTOOLS_ACCESS_TOKEN: 'session-token',
      CREDENTIALS_DIRECTORY: folder,
    };
    const find = () => findCredential({ env, apiKeyFile, apiKeyCommand });
    expect(await find()).toMatchObject({ key: 'from-env', kind: 'api-key', source: 'RUNTOOLS_API_KEY' });
    delete env.RUNTOOLS_API_KEY;
    expect(await find()).toMatchObject({ key: 'session-token', kind: 'token' });
    delete env.RUNTOOLS_ACCESS_TOKEN;
    expect(await find()).toMatchObject({ key: 'from-systemd', kind: 'api-key' });
    delete env.CREDENTIALS_DIRECTORY;
    expect(await find()).toMatchObject({ key: 'from-file' });
    expect(await findCredential({ env, apiKeyCommand })).toMatchObject({ key: 'from-command' });
  });

  it('is missing where no place has one', async () => {
    const error = await findCredential({ env: { CREDENTIALS_DIRECTORY: folder } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toSatisfy((thrown) => isCode(thrown, 'key-missing'));
    expect(String(error)).toContain('RUNTOOLS_API_KEY');
  });

  it.each([0o644, 0o640, 0o660])('in a file of mode %o is refused', async (mode) => {
    const apiKeyFile = await keyFile(mode);
    const error = await findCredential({ env: {}, apiKeyFile }).catch((thrown: unknown) => thrown);
    expect(error).toSatisfy((thrown) => isCode(thrown, 'config'));
    expect(String(error)).toContain(`chmod 600 ${apiKeyFile}`);
  });

  it.each([
    ['', 'is empty'],
    ['two words', 'holds spaces'],
    ['a\nb', 'holds spaces'],
  ])('that cannot be one is refused: %j', async (content, message) => {
    const apiKeyFile = await keyFile(0o400, content);
    await expect(findCredential({ env: {}, apiKeyFile })).rejects.toThrow(message);
  });

  it('of a command that fails is told without what the command printed', async () => {
    const apiKeyCommand = script('console.log("half-a-key"); console.error("half-a-key"); process.exit(3)');
    const error = await findCredential({ env: {}, apiKeyCommand }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('ended with exit code 3');
    expect(String(error)).not.toContain('half-a-key');
    await expect(findCredential({ env: {}, apiKeyCommand: ['no-such-program-here'] })).rejects.toThrow(
      'was not found',
    );
  });

  it('of a command that never ends is not waited for', async () => {
    const apiKeyCommand = script('setInterval(() => {}, 1000)');
    await expect(findCredential({ env: {}, apiKeyCommand, commandTimeoutMs: 50 })).rejects.toThrow(
      'did not end within 50 ms',
    );
  });

  it('is never put through a shell', async () => {
    const apiKeyCommand = [process.execPath, '-p', 'process.argv[1]', '$(id)'];
    expect((await findCredential({ env: {}, apiKeyCommand })).key).toBe('$(id)');
  });
});
