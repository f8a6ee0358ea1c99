import packageJson from '../package.json' with { type: 'json' };

/** The product's name stands here and in package.json, and nowhere else in the code. */
export const product = { name: 'Tandem', command: packageJson.name, version: packageJson.version } as const;
