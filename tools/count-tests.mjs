// Prints `N passed, N failed` from vitest's JSON report and the exit codes of tests, lint and types; fails when
// anything failed. A report that is missing, or that knows of no failure when vitest failed, counts as one.
import { readFileSync } from 'node:fs';
import process from 'node:process';

const [file = '', ...codes] = process.argv.slice(2);
const [tests = 1, ...checks] = codes.map(Number);

function read() {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    // A file that could not even be loaded has no tests to fail.
    const broken = report.testResults.filter(
      (one) => one.status === 'failed' && one.assertionResults.every((test) => test.status !== 'failed'),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

const { passed, failed } = read();
const hidden = failed === 0 && (tests !== 0 || passed === 0) ? 1 : 0;
const total = failed + hidden + checks.filter((code) => code !== 0).length;
process.stdout.write(`${passed} passed, ${total} failed\n`);
process.exitCode = total === 0 ? 0 : 1;
