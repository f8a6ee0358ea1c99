import { useObjectUrl } from '../use-object-url.ts';

/** The image in a file that a person chose. */
export function ImageOf({ file, alt }: { file: File; alt: string }) {
  return <img src={useObjectUrl(file)} alt={alt} />;
}
