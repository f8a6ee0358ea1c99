import { Command } from '@commander-js/extra-typings';
import { expect, it } from 'vitest';
import { addSettings, givenFlags, settingsOf } from '../../../src/cli/options.ts';

it('repeats the flags that were given, quoted where a shell would split them, and no others', () => {
  const command = addSettings(new Command('train'), ['data', 'models', 'port']);
  command.parse(['--data', "my 'own' data", '--port', '81', '--config', 'a.yaml'], { from: 'user' });
  expect(givenFlags(command, ['config', 'data', 'models'])).toEqual([
    '--data',
    "'my '\\''own'\\'' data'",
    '--config',
    'a.yaml',
  ]);
});

it('takes a flag again that may be repeated, and says both again', () => {
  const command = addSettings(new Command('train'), ['text-encoder']);
  command.parse(['--text-encoder', 'mpnet', '--text-encoder', 'clip'], { from: 'user' });
  expect(settingsOf(command, ['text-encoder'])).toEqual({ 'text-encoder': ['mpnet', 'clip'] });
  expect(givenFlags(command, ['text-encoder'])).toEqual(['--text-encoder', 'mpnet,clip']);
});
