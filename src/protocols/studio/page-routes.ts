import type { RequestHandler } from 'express';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { basePathOf } from '../http/base-path.ts';
import { readPath } from '../http/query.ts';
import type { Route } from '../http/route.ts';
import { readIndex, readPageFiles } from './page-files.ts';

/**
 * What the page may do: run its own scripts, call this server, show images of it and those that a person chose. Nothing
 * becomes HTML from a string, so that a label or a file name cannot.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const nameParameter = {
  path: z.object({ file: z.string().regex(/^[\w.-]{1,100}$/, 'is no file of the page') }),
};

/** Sends the studio, the web page at `/`. */
export function pageHandler(): RequestHandler<Record<string, string>> {
  const index = readIndex();
  return (request, response) => {
    const base = `${basePathOf(request)}/`.replaceAll(/[^\w.~/-]/g, (character) =>
      encodeURIComponent(character),
    );
    response
      .set({
        'Content-Security-Policy': pagePolicy,
        'Referrer-Policy': 'no-referrer',
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cache-Control': 'no-cache',
      })
      .type('html')
      .send(index.replaceAll('"./', `"${base}`));
  };
}

/** The studio's scripts, styles and images. They are no part of the API, and its description leaves them out. */
export function pageRoutes(): Route[] {
  const files = readPageFiles();
  return [
    {
      method: 'get',
      path: '/studio/{file}',
      operation: { requestParams: nameParameter, responses: {} },
      handlers: [
        async (request, response) => {
          const { file: name } = readPath(request, nameParameter);
          const file = files.get(name);
          if (!file) throw new TandemError('not-found', `the page has no file ${JSON.stringify(name)}`);
          const encoding = request.acceptsEncodings('br', 'gzip', 'identity');
          response.vary('Accept-Encoding').type(file.type);
          response.set('Cache-Control', 'public, max-age=31536000, immutable');
          if (encoding !== 'br' && encoding !== 'gzip') response.send(file.content);
          else response.set('Content-Encoding', encoding).send(await file.packed(encoding));
        },
      ],
    },
  ];
}
