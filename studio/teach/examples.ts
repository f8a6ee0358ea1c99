/** A label, and the images that a person gave it. */
export interface LabelBox {
  label: string;
  images: File[];
}

/** The images of all labels, in the order of the rows of the table that `tableOf` makes. */
export function rowsOf(boxes: LabelBox[]): { label: string; image: File }[] {
  return boxes.flatMap(({ label, images }) => images.map((image) => ({ label, image })));
}

/**
 * The examples as one table of JSON lines that holds its images, so that a label may be any text: it is no folder's name.
 * @throws where the browser can't read a file
 */
export async function tableOf(boxes: LabelBox[], name: string): Promise<File> {
  const lines: Blob[] = [];
  for (const { label, image } of rowsOf(boxes))
    lines.push(new Blob([`${JSON.stringify({ file_name: await dataUrlOf(image), label })}\n`]));
  return new File(lines, `${name}.jsonl`, { type: 'application/jsonl' });
}

function dataUrlOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
