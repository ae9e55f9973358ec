"""In place of the compiled module for native libraries.

Types can be defined, because packages do that when they are imported. Numbers are converted and have their size, as on a computer whose
types have the sizes of WebAssembly. Whatever needs memory by its address is refused.
"""

from __future__ import annotations

import operator
import struct
from typing import Any

from holdfast_sdk.component.stand_ins import refusal

_REASON = "A component has no native libraries and no memory addresses, so ctypes only converts numbers: use struct, array or bytearray"
__version__ = "1.1.0"
SIZEOF_TIME_T = 8
CTYPES_MAX_ARGCOUNT = 1024
RTLD_LOCAL, RTLD_GLOBAL = 0, 0x100
FUNCFLAG_STDCALL, FUNCFLAG_CDECL, FUNCFLAG_PYTHONAPI, FUNCFLAG_USE_ERRNO, FUNCFLAG_USE_LASTERROR = 0, 1, 4, 8, 16
_memmove_addr = _memset_addr = _string_at_addr = _cast_addr = _wstring_at_addr = _memoryview_at_addr = 0
_INTEGERS, _FLOATS, _BOOL = "bBhHiIlLqQ", "fd", "?"
_POINTER_SIZE = struct.calcsize("P")
_SIZES = {code: struct.calcsize(code) for code in f"{_INTEGERS}{_FLOATS}{_BOOL}cP"} | {"g": 16, "u": 4, "v": 2}
_SIZES |= dict.fromkeys("zZO", _POINTER_SIZE)
_pointer_type_cache: dict[Any, Any] = {}


class ArgumentError(Exception):
    """An argument cannot be converted."""


class _Type(type):
    """The type of C types."""

    __ctype_be__: Any
    __ctype_le__: Any

    def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, names)
        code = names.get("_type_")
        if isinstance(code, str):
            if code not in _SIZES:
                # As on a computer whose compiler lacks the type.
                raise AttributeError(f"class must define a '_type_' attribute which must be one of {', '.join(sorted(_SIZES))}")
            cls.__ctype_be__ = cls.__ctype_le__ = cls
        elif code is not None and bases[0].__name__ == "_Pointer":
            _pointer_type_cache.setdefault(code, cls)

    def __mul__(cls, length: int) -> Any:
        return _Type(f"{cls.__name__}_Array_{length}", (Array,), {"_type_": cls, "_length_": length})

    __rmul__ = __mul__

    @property
    def __pointer_type__(cls) -> Any:
        if cls not in _pointer_type_cache:
            raise AttributeError(f"type {cls.__name__} has no pointer type yet")
        return _pointer_type_cache[cls]

    @__pointer_type__.setter
    def __pointer_type__(cls, pointer_type: Any) -> None:
        _pointer_type_cache[cls] = pointer_type


class _CData(metaclass=_Type):
    """Cannot be made."""

    __init__ = refusal(_REASON)
    from_address = from_buffer = from_buffer_copy = from_param = in_dll = staticmethod(refusal(_REASON))


class Structure(_CData):
    """Can be defined, and cannot be made."""


class Union(_CData):
    """Can be defined, and cannot be made."""


class Array(_CData):
    """Can be defined, and cannot be made."""

    _type_: Any
    _length_: int


class _Pointer(_CData):
    """Can be defined, and cannot be made."""

    _type_: Any


class CField:
    """The field of a structure. Cannot be made."""

    __init__ = refusal(_REASON)


class _SimpleCData(_CData):
    """One value: an integer is cut to the size of its type, and a float is rounded to it."""

    _type_: str

    def __init__(self, value: Any = 0) -> None:
        self.value = value

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = _convert(self._type_, value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._value!r})"


def _convert(code: str, value: Any) -> Any:
    if code == _BOOL:
        return bool(value)
    if code in _FLOATS:
        return struct.unpack(code, struct.pack(code, value))[0]
    if code not in _INTEGERS:
        raise NotImplementedError(_REASON)
    bits = 8 * _SIZES[code]
    number = operator.index(value) % 2**bits
    return number - 2**bits if code.islower() and number >= 2 ** (bits - 1) else number


class CFuncPtr(_CData):
    """A function, of the interpreter or of the author. It cannot be called."""

    argtypes: Any = None
    restype: Any = None
    errcheck: Any = None

    def __init__(self, target: Any = 0, *_: Any) -> None:
        self.target = target

    __call__ = refusal(_REASON)


def POINTER(cls: Any, /) -> Any:
    """The type of pointers to `cls`."""
    if cls not in _pointer_type_cache:
        _pointer_type_cache[cls] = _Type(f"LP_{getattr(cls, '__name__', cls)}", (_Pointer,), {"_type_": cls})
    return _pointer_type_cache[cls]


def sizeof(obj: Any, /) -> int:
    """The size of a type, or of the type of a value, in bytes. Raises NotImplementedError for structures and unions."""
    kind = obj if isinstance(obj, type) else type(obj)
    if not issubclass(kind, _CData):
        raise TypeError("this type has no size")
    if issubclass(kind, _SimpleCData):
        return _SIZES[kind._type_]
    if issubclass(kind, Array):
        return sizeof(kind._type_) * kind._length_
    if issubclass(kind, (_Pointer, CFuncPtr)):
        return _POINTER_SIZE
    raise NotImplementedError(_REASON)


def dlopen(name: Any, flag: int = RTLD_LOCAL, /) -> int:
    """The handle of the interpreter itself, whose functions packages look up when they are imported. Raises OSError for a library."""
    if name is not None:
        raise OSError(f"{name}: cannot be loaded. {_REASON}")
    return 0


addressof = alignment = buffer_info = byref = pointer = resize = dlsym = dlclose = refusal(_REASON)
call_function = call_cdeclfunction = get_errno = set_errno = PyObj_FromPtr = Py_INCREF = Py_DECREF = _unpickle = refusal(_REASON)
