"""The named refusals of messages between plant and customer."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class MessageKindError(GaugeblockError):
    """What this side cannot say here. Facts: ``kind``, ``possible``."""

    code = "exchange.message_kind"


class MessageTextError(LimitError):
    """A message without the text it needs, with too long a one, or with control characters. Facts: ``limit``."""

    code = "exchange.message_text"


class MessageDateError(GaugeblockError):
    """A date that is none, or that is missing. Facts: ``value``."""

    code = "exchange.message_date"


class MessageUnitsError(LimitError):
    """Too many units, or one twice. Facts: ``limit``."""

    code = "exchange.message_units"


class MessageUnitUnknownError(GaugeblockError):
    """Something the message is about that its customer does not know. Facts: ``noun``, ``id``."""

    code = "exchange.message_unknown"


class MessageSubjectError(GaugeblockError):
    """A message of this kind needs an order. Facts: ``kind``."""

    code = "exchange.message_subject"


class MessageQuantityError(LimitError):
    """A quantity that is none. Facts: ``value``, ``limit``."""

    code = "exchange.message_quantity"


class MessageDocumentsError(LimitError):
    """No document where one is needed, or too many. Facts: ``found``, ``limit``."""

    code = "exchange.message_documents"


class DocumentTypeError(GaugeblockError):
    """A program instead of a document. Facts: ``name``."""

    code = "exchange.document_type"


class DocumentNameError(GaugeblockError):
    """A name of a file with characters that do not travel. Facts: ``name``."""

    code = "exchange.document_name"


class DocumentSizeError(LimitError):
    """An empty document, or too large a one. Facts: ``name``, ``found``, ``limit``."""

    code = "exchange.document_size"


class ThreadFullError(LimitError):
    """A thread that takes no more messages. Facts: ``limit``."""

    code = "exchange.thread_full"


class ThreadMissingError(GaugeblockError):
    """No thread has this number. Facts: ``thread``."""

    code = "exchange.thread_missing"
