import path from 'node:path';
import { defineConfig } from 'vite';

/** `npm run build:studio`. The names of scripts and styles have hashes, so that browsers may keep them for ever. */
export default defineConfig({
  root: import.meta.dirname,
  // The server writes the path below which callers reach it in place of `./`.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  build: {
    outDir: path.join(import.meta.dirname, '..', 'src', 'protocols', 'studio', 'static'),
    emptyOutDir: true,
    assetsDir: 'studio',
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2023',
  },
  // `npx vite studio` beside `npm start`.
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
});
