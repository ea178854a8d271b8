"""What a page may not do: its policy lets it ask for nothing and run nothing but its own script."""
import re
import unittest

import pages
from browsing import PageTest

# Each tries to reach beyond the page; the browser is to tell of a violation of the policy for each.
ATTEMPTS = {
    "connect-src": "fetch('http://127.0.0.1:9/').catch(() => {})",
    "img-src": "new Image().src = 'http://127.0.0.1:9/x.png'",
    "script-src-elem": "document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.owned = 1' }))",
    "script-src-attr": "document.body.setAttribute('onclick', 'window.owned = 1'); document.body.click()",
    "style-src-elem": "document.head.append(Object.assign(document.createElement('style'), { textContent: 'body { display: none }' }))",
    "style-src-attr": "document.body.setAttribute('style', 'display: none')",
    "frame-src": "document.body.append(Object.assign(document.createElement('iframe'), { src: 'http://127.0.0.1:9/' }))",
    "font-src": "new FontFace('x', 'url(http://127.0.0.1:9/x.woff2)').load().catch(() => {})",
    "media-src": "new Audio('http://127.0.0.1:9/x.ogg').load()",
    "worker-src": "try { new Worker('data:text/javascript,1') } catch { }",
    "base-uri": "document.head.append(Object.assign(document.createElement('base'), { href: 'http://127.0.0.1:9/' }))",
    "form-action": "const f = document.createElement('form'); f.action = 'http://127.0.0.1:9/'; document.body.append(f); f.submit()",
}


class Policy(PageTest):
    def test_policy_is_first_and_forbids_by_default(self):
        for page in (pages.of_prompt().page, pages.of_documents()):
            self.open(page)
            policy = self.run_js("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
            hashed = r"'sha256-[A-Za-z0-9+/]{43}='"
            self.assertRegex(policy, rf"^default-src 'none'; script-src {hashed}; style-src {hashed}; img-src data: blob:; "
                                     r"base-uri 'none'; form-action 'none'$")
            before = page.read_text().split("Content-Security-Policy")[0]
            self.assertIsNone(re.search(r"<(script|style|link|img)", before))

    def test_what_it_forbids(self):
        for directive, attempt in ATTEMPTS.items():
            with self.subTest(directive=directive):
                self.open(pages.of_one_token().page)
                told = self.run_js(f"""return new Promise((resolve) => {{
                    document.addEventListener("securitypolicyviolation", (e) => resolve(e.effectiveDirective), {{ once: true }});
                    setTimeout(() => resolve(null), 60000);
                    {attempt};
                }})""")
                self.assertEqual(told, directive)
                self.assertIsNone(self.run_js("return window.owned ?? null"))
                self.assertNotEqual(self.run_js("return getComputedStyle(document.body).display"), "none")
                self.drain()  # the browser tells of what it refused


if __name__ == "__main__":
    unittest.main()
