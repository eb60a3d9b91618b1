// Documents of a user as datasets, by the libraries as the data worker has them.
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { paragraphsOf, readDocumentText, type DocumentType } from '../../src/data/reading/document-text';
import { fileTypeOf, readRows } from '../../src/data/reading/file-rows';

async function textOf(type: DocumentType, content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  let text = '';
  for await (const piece of readDocumentText(type, new Blob([content]), `file.${type}`)) text += piece;
  return text.trim();
}

function docx(body: string): Uint8Array<ArrayBuffer> {
  const word = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
  const types = 'http://schemas.openxmlformats.org/package/2006/content-types';
  const relations = 'http://schemas.openxmlformats.org/package/2006/relationships';
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument';
  const main = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml';
  return new Uint8Array(
    zipSync({
      '[Content_Types].xml': strToU8(
        `<Types xmlns="${types}"><Override PartName="/word/document.xml" ContentType="${main}"/></Types>`,
      ),
      '_rels/.rels': strToU8(
        `<Relationships xmlns="${relations}"><Relationship Id="r" Type="${office}" Target="word/document.xml"/></Relationships>`,
      ),
      'word/document.xml': strToU8(`<w:document xmlns:w="${word}"><w:body>${body}</w:body></w:document>`),
    }),
  );
}
const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;

/** A PDF of one page with lines of Helvetica at these heights. */
function pdf(lines: readonly [text: string, y: number][]): string {
  const content = lines.map(([text, y]) => `BT /F1 12 Tf 72 ${y} Td (${text}) Tj ET`).join('\n');
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const offset = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return String(offset).padStart(10, '0');
  });
  const entries = offsets.map((offset) => `${offset} 00000 n \n`).join('');
  return `${file}xref\n0 6\n0000000000 65535 f \n${entries}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
}

describe('documents', () => {
  it('a web page: its text, without scripts, menus, pictures and addresses', async () => {
    const html = `<html><head><title>T</title><style>p{}</style></head><body><nav>Home</nav><h1>The Forge</h1>
      <p>A <b>hot</b> iron, see <a href="https://x.invalid">here</a>.</p><script>alert(1)</script><img alt="fire" src="f.png">
      <ul><li>hammer</li><li>anvil</li></ul></body></html>`;
    expect(await textOf('html', html)).toBe('The Forge\n\nA hot iron, see here.\n\n * hammer\n * anvil');
  });

  it('a Word document: its paragraphs', async () => {
    const body = paragraph('The iron is heated.') + paragraph('Then it is struck &amp; cooled.');
    expect(await textOf('docx', docx(body))).toBe('The iron is heated.\n\nThen it is struck & cooled.');
  });

  it('a PDF: lines that lie close are a paragraph', async () => {
    const file = pdf([
      ['The iron is heated', 700],
      ['until it glows.', 686],
      ['Then it is struck.', 640],
    ]);
    expect(await textOf('pdf', file)).toBe('The iron is heated until it glows.\n\nThen it is struck.');
  });

  it('paragraphsOf: pieces of a line are one', () => {
    const item = (str: string, y: number, hasEOL = false) => ({ str, y, height: 10, hasEOL });
    expect(paragraphsOf([item('a', 50), item('a', 50, true), item('b', 38, true), item('c', 10)])).toBe(
      'aa b\n\nc',
    );
    expect(paragraphsOf([])).toBe('');
  });

  it('what cannot be read is named: damaged, without text', async () => {
    await expect(textOf('docx', 'no zip')).rejects.toMatchObject({
      code: 'import.invalid',
      message: expect.stringMatching(/^file\.docx cannot be read as a Word document: /) as string,
    });
    await expect(textOf('pdf', 'no pdf')).rejects.toMatchObject({
      code: 'import.invalid',
      message: expect.stringMatching(/^file\.pdf cannot be read as a PDF document: /) as string,
    });
    await expect(textOf('pdf', pdf([]))).rejects.toMatchObject({ code: 'dataset.empty' });
  });

  it('rows: a row for each paragraph, by the ending of the name', async () => {
    const rows: unknown[] = [];
    const file = { name: 'Notes.DOCX', blob: new Blob([docx(paragraph('One.') + paragraph('Two.'))]) };
    for await (const event of readRows(file, {})) if (event.kind === 'row') rows.push(event.row);
    expect(rows).toEqual([{ text: 'One.' }, { text: 'Two.' }]);
    expect(fileTypeOf('page.htm')).toBe('html');
  });
});
