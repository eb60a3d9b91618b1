// Markdown to DOM, sanitised: no images, no styles, no scripts; links open apart. Loaded with the first answer.
// Headings start at h2, below the screen's own.
import DOMPurify from 'dompurify';
import { Marked } from 'marked';

const ALLOWED_TAGS = [
  ...['p', 'br', 'hr', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'pre', 'code'],
  ...['strong', 'em', 'del', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
];

const marked = new Marked({
  gfm: true,
  breaks: true,
  walkTokens(token) {
    if (token.type === 'heading' && typeof token['depth'] === 'number') {
      token['depth'] = Math.min(6, token['depth'] + 1);
    }
  },
});

export function renderMarkdown(text: string): DocumentFragment {
  const html = marked.parse(text, { async: false });
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['href', 'class', 'start', 'align'],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  for (const block of fragment.querySelectorAll('pre')) frameCode(block);
  return fragment;
}

/** A code block gets a head with its language, and can be scrolled by keyboard. */
function frameCode(block: HTMLPreElement): void {
  const language = /language-([\w+#.-]+)/.exec(block.querySelector('code')?.className ?? '')?.[1] ?? '';
  const frame = document.createElement('div');
  frame.className = 'code';
  const head = document.createElement('div');
  head.className = 'code__head';
  head.textContent = language;
  block.tabIndex = 0;
  block.setAttribute('role', 'region');
  block.setAttribute('aria-label', language === '' ? 'code' : `${language} code`);
  block.replaceWith(frame);
  if (language !== '') frame.append(head);
  frame.append(block);
}
