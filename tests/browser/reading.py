"""What the tests of charts share: choosing, and what the page shows and says."""
from browsing import PageTest

ENTERED = "return [document.images.length, window.owned ?? null]"  # what a hostile name would leave


class ChartTest(PageTest):
    def content(self, selector):
        """Text of the first such element, shown or not."""
        return self.run_js("return document.querySelector(args[0])?.textContent ?? null", selector)

    def said(self):
        return self.content("#said")

    def titles(self):
        return self.run_js("return [...document.querySelectorAll('.chart-title')].map((t) => t.textContent)")

    def choose(self, label, value):
        """Takes an option of a choice as a reader does, and lets the page draw."""
        self.run_js("""const choices = [...document.querySelectorAll("label.choice")];
            const select = choices.find((l) => l.firstChild.textContent === args[0]).querySelector("select");
            select.value = args[1];
            select.dispatchEvent(new Event("change"));""", label, value)
        self.settle()
