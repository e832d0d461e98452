"""What call details have besides the call: transcript, summary, competitors."""

from __future__ import annotations

from extractor.sandbox.clari.calls import Calls, Talk
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.ids import Kind
from extractor.sandbox.clari.texts import PHRASES, SENTENCES
from extractor.sandbox.dice import Dice

__all__ = ["Transcripts"]

Record = dict[str, object]

SECONDS_A_TURN = 8
TOPIC_SECONDS = 300


class Transcripts:
    """Makes them from the number of the call; the longest have some 1,350 turns."""

    def __init__(self, calls: Calls, crm: CRM) -> None:
        self._calls = calls
        self._crm = crm

    def beside(self, talk: Talk, people: int) -> Record:
        """The fields that details add to a call in which so many people took part."""
        extra: Record = {"transcript": self._turns(talk, people)} if talk.finished else {"transcript": []}
        if talk.deal is not None:
            extra["deal_stage_live"] = self._crm.stage(talk.deal)
        if talk.finished:
            extra |= {"summary": self._summary(talk), "competitor_sentiments": self._sentiments(talk)}
        return extra

    def _turns(self, talk: Talk, people: int) -> list[Record]:
        turns: list[Record] = []
        dice = Dice(self._calls.key, Kind.CALL, talk.i, 3)
        for n in range(talk.duration // SECONDS_A_TURN):
            text = dice.pick(SENTENCES)
            annotations = [
                {"tracker": "objections", "phrase": phrase, "category": "Pricing"}
                for phrase in PHRASES
                if phrase in text.lower()
            ]
            if n == 1:
                annotations.append({"label": "question", "phrase": text})
            start = n * SECONDS_A_TURN
            turn: Record = {"text": text, "start": start + 0.25, "end": start + 7.5, "personId": n % people}
            turns.append(turn | {"annotations": annotations})
        return turns

    @staticmethod
    def _summary(talk: Talk) -> Record:
        topics = [
            {
                "name": f"part {n}",
                "start_timestamp": start,
                "end_timestamp": start + TOPIC_SECONDS,
                "summary": SENTENCES[n],
            }
            for n, start in enumerate(range(0, talk.duration // 10, TOPIC_SECONDS))
        ]
        action = {"action_item": "send the draft", "speaker_name": "", "start_timestamp": 60, "end_timestamp": 68}
        return {"full_summary": SENTENCES[6], "topics_discussed": topics, "key_action_items": [action]}

    @staticmethod
    def _sentiments(talk: Talk) -> list[Record]:
        if talk.i % 4:
            return []
        said: Record = {"competitor_name": "Other Vendor", "sentiment": "NEGATIVE", "reasoning": SENTENCES[2]}
        return [said | {"personId": "0", "turn_start_time": "16.25"}]
