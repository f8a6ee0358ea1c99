import { address, type Head } from '../server.ts';
import { type Item, tableOf, usedBy } from './item.ts';

export const languages = ['curl', 'TypeScript', 'Python'] as const;
export type Language = (typeof languages)[number];

/** A text between single quotes of a shell. */
const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * The request for an item, to be copied.
 * @param needsKey adds the header that a server with keys asks for
 */
export function snippet(language: Language, item: Item, head: Head, needsKey: boolean): string {
  const used = usedBy(item, head);
  const fields: [string, string][] = [['head', head.name]];
  if (used.includes('text')) fields.push(['text', item.text]);
  if (used.includes('table')) fields.push(['table', JSON.stringify(tableOf(item, head))]);
  const image = used.includes('image') ? item.image?.name : undefined;
  return { curl, TypeScript: typescript, Python: python }[language](fields, image, needsKey);
}

type Fields = readonly [string, string][];

function curl(fields: Fields, image: string | undefined, needsKey: boolean): string {
  const lines = [
    `curl ${shell(`${address}v1/predict`)}`,
    ...(needsKey ? [`-H "Authorization: Bearer $TANDEM_KEY"`] : []),
    ...fields.map(([name, value]) => `--form-string ${shell(`${name}=${value}`)}`),
    ...(image === undefined ? [] : [`-F ${shell(`image=@"${image.replaceAll(/["\\]/g, '\\$&')}"`)}`]),
  ];
  return lines.join(' \\\n  ');
}

function typescript(fields: Fields, image: string | undefined, needsKey: boolean): string {
  const quoted = JSON.stringify;
  return [
    `import { createTandemClient, form } from 'tandem/client';`,
    ...(image === undefined ? [] : [`import { openAsBlob } from 'node:fs';`]),
    '',
    `const tandem = createTandemClient(${quoted(address)}${needsKey ? ', process.env.TANDEM_KEY' : ''});`,
    `const { data, error } = await tandem.POST('/v1/predict', form({`,
    ...fields.map(([name, value]) => `  ${name}: ${quoted(value)},`),
    ...(image === undefined
      ? []
      : [`  image: { name: ${quoted(image)}, content: await openAsBlob(${quoted(image)}) },`]),
    '}));',
    'if (error) throw new Error(error.detail);',
    'console.log(data);',
  ].join('\n');
}

function python(fields: Fields, image: string | undefined, needsKey: boolean): string {
  const quoted = JSON.stringify;
  return [
    ...(needsKey ? ['import os', ''] : []),
    'import requests',
    '',
    'response = requests.post(',
    `    ${quoted(`${address}v1/predict`)},`,
    ...(needsKey ? [`    headers={"Authorization": f"Bearer {os.environ['TANDEM_KEY']}"},`] : []),
    '    files={',
    ...fields.map(([name, value]) => `        ${quoted(name)}: (None, ${quoted(value)}),`),
    ...(image === undefined ? [] : [`        "image": open(${quoted(image)}, "rb"),`]),
    '    },',
    ')',
    'response.raise_for_status()',
    'print(response.json()["results"][0])',
  ].join('\n');
}
